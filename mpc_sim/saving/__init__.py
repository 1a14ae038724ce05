"""Files written whole and renamed, and archives of arrays with a header."""
