"""Tools of methods: values between and around known points."""
