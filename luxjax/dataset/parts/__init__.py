"""What one part of the files of a survey brings to a dataset."""
