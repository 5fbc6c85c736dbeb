"""The workflow of the classifier: data, training, reasons."""
