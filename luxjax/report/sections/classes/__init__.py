"""Parts of the page about classes that have a table or a figure each."""
