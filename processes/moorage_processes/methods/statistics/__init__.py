"""Tools of methods: fits, ranks, accumulators."""
