"""From an event to what acts on it: match, claim, retry, dead letter."""
