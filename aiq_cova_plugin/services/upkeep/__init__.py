"""What is old goes; a customer's data is handed out or erased."""
