"""Options about the estimator of a classifier and how it is judged."""

from typing import Annotated

import typer

__all__ = ["Compare", "Estimator", "Groups", "Learned", "Setting"]

Estimator = Annotated[
    str,
    typer.Option(
        help="Estimator: average (of randomised and boosted trees), trees, boosting, forest, logistic, svm, neighbours, xgboost, or any class of scikit-learn's "
        "interface by its full name, such as sklearn.svm.SVC."
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        help="Setting of the estimator, as NAME=VALUE, such as probability=true. Can be repeated. Default: none."
    ),
]
Learned = Annotated[
    str,
    typer.Option(
        help="Families of features to learn from the training spectra (comma-separated): latent, pca, or none."
    ),
]
Compare = Annotated[
    str,
    typer.Option(help="Other estimators to evaluate on the same stars (comma-separated). Default: none."),
]
Groups = Annotated[
    str,
    typer.Option(
        help="What a fold never divides: star, or sky (blocks of the sky; scores by star are reported too). Needs --folds."
    ),
]
