"""What is asked: statements, inputs and judges, a file each."""
