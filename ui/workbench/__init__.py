"""Parts of the page SQL."""
