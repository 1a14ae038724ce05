"""Building blocks of protocols; each says its cost beside its code."""
