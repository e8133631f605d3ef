"""Tools of methods: fields that need not fit into memory."""
