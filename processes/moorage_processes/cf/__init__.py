"""What the CF conventions say: units, times, periods, missing values, attributes."""
