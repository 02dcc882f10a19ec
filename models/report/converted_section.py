"""What the model card tells of a converted model: its origin, and how little was measured."""

from __future__ import annotations

from models.report.kept_measures import Facts


def how_converted(converted: Facts, card: Facts) -> list[str]:
    """The lines of the section "How".

    Args:
        converted: `models.convert.folder.Origin` as config.json holds it, with `measured_on`.
        card: The data card.
    """
    data = card.get("title") or card.get("source") or "unknown"
    licence = f"; {card['licence']}" if card.get("licence") else ""
    return [
        f"- Origin: {converted['title']}, `{converted['source']}`, SHA-256 of the weights "
        f"`{converted['sha256']}`. Its licence is that of its authors.",
        f"- The axes and what an upload is compared with come from {converted['measured_on']} "
        f"({data}{licence}): few images, so they are rough. `python -m models.evaluate` measures "
        "more.",
        *(f"- {note}" for note in converted["notes"]),
        "",
        "The model again:",
        "",
        "```bash",
        converted["command"],
        "```",
    ]


NOTHING_MEASURED = [
    "Nothing: it was converted without test images, so no number of it is given here."
]
