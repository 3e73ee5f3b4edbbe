"""Menu, prices and stock on their way in, from COVA's pages to the shop's products."""
