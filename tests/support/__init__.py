"""What the tests stand on: servers, browsers and the rules about skipping."""
