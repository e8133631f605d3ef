"""From a YAML file to the settings of a service."""
