"""Text from the network, for errors and logs."""

LONGEST = 100


def shown(text: str) -> str:
    """Returns at most 100 characters, with a question mark for spaces and everything that is not printable ASCII.

    So it cannot forge a line of a log.
    """
    start = "".join(c if "!" <= c <= "~" else "?" for c in text[:LONGEST])
    return f"{start}..." if len(text) > LONGEST else start
