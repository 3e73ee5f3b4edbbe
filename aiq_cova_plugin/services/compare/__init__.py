"""Where shop and COVA differ, and the one button that puts it right."""
