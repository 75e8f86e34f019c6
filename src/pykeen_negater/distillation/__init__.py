"""Teaching: a judge, trained on the graph and its texts, tells a model in training which answers are likely.

:mod:`.judge` trains the judge and weights its scorers; :mod:`.callback` is what PyKEEN's training loops call.
"""
