"""What stands between the server and whoever asks it: who, how much, and through which door."""
