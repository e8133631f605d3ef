"""The service described for programs: an OpenAPI 3.0 document made from the catalogue, and a page for people."""
