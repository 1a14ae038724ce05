"""Problems: statements, inputs and verifiers, one file each."""
