"""The methods that come with the service, one theme a file: pure functions, served like anyone's own."""
