"""All that a person chose, as plain values; neither torch nor gradio."""
