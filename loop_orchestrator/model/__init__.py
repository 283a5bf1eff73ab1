"""The nouns: frozen values and enums, and the tables that say how they may change. No I/O."""
