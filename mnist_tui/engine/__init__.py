"""The only folder that imports Keras: data sets, presets, training, and the child process that runs them."""
