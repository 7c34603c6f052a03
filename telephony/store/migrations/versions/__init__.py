"""One module per version, oldest first by `down_revision`."""
