"""What we mean: values and rules without I/O, clock or logging."""
