"""What a judge, trained on the graph and its texts, knows: taught to models in training, or blended with trained ones.

:mod:`.judge` trains the judge, and :mod:`.weighting` weights its scorers; :mod:`.callback` is what PyKEEN's training
loops call; :mod:`.blended_model` lets a trained model and the judge answer together.
"""
