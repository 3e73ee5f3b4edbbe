"""What is promised to orders, and what is left to sell."""
