"""One way to a certificate: what is measured beside what is claimed."""
