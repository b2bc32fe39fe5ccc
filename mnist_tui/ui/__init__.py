"""The face: a Textual app that reads run directories and never imports Keras."""
