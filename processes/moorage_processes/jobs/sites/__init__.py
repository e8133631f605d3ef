"""Jobs that run at other institutes: a hub accepts them, a site pulls, runs and answers for them."""
