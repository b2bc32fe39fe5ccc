"""What a run recorded of single digits, brought together with what people said of them. Screens and tables read it."""
