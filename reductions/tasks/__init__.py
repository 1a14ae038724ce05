"""Tasks, a file each: the definition, an independent oracle, the constructions and their bounds."""
