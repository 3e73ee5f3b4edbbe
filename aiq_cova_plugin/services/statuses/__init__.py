"""What became of the orders: statuses and payments, on their way back from the register."""
