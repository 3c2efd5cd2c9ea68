"""scikit-learn: fit, predict and transform by samples and features."""

import numpy as np
import scipy.sparse
import sklearn.cluster
import sklearn.decomposition
import sklearn.ensemble
import sklearn.feature_extraction.text
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.naive_bayes
import sklearn.neighbors
import sklearn.preprocessing
import sklearn.svm
import sklearn.tree
from meminterface_workloads import WORKLOADS, call, kind, sizes, workload

ROWS, WIDTH = sizes(2000, 60_000, edges=()), sizes(4, 50, edges=())
MANY = sizes(4000, 250_000, edges=())
FEW = sizes(500, 6000, edges=())
OPTIONS = {"RandomForestClassifier": {"n_estimators": 10}, "RandomForestRegressor": {"n_estimators": 10}, "KMeans": {"n_clusters": 4, "n_init": 1},
           "MiniBatchKMeans": {"n_clusters": 4, "n_init": 1}, "PCA": {"n_components": 2}, "TruncatedSVD": {"n_components": 2},
           "LogisticRegression": {"max_iter": 50}, "GradientBoostingClassifier": {"n_estimators": 10},
           "GradientBoostingRegressor": {"n_estimators": 10}, "PolynomialFeatures": {}, "ExtraTreesClassifier": {"n_estimators": 10},
           "NMF": {"n_components": 2, "max_iter": 30}, "SGDClassifier": {"max_iter": 20, "tol": None}}

for name in ("csr_matrix", "csr_array"):
    kind(lambda x, t=getattr(scipy.sparse, name): type(x) is t, f"scipy.sparse.{name}", rows=lambda m: m.shape[0],
         columns=lambda m: m.shape[1], nnz=lambda m: m.nnz)


def data(rng, n, m):
    return np.random.default_rng(rng.getrandbits(32)).random((n, m))


def target(X, classes):
    """What the first input decides in most cases: one in seven samples is of the other class."""
    noise = np.random.default_rng(X.shape[0]).random(X.shape[0])
    return ((X[:, 0] > 0.5) ^ (noise < 0.15)).astype(int) if classes else X[:, 0] * 3 + X[:, -1] + noise


def estimator(path, uses="predict", classes=False, rows=ROWS, width=WIDTH, alone=False):
    """fit, and what is done with it."""
    module, _, name = path.rpartition(".")
    owner = __import__(module, fromlist=[name])
    cls = getattr(owner, name)
    # What the constructor says of memory: interfaces/sklearn.toml has these as features of the kind.
    told = [key for key in ("n_clusters", "n_components", "n_estimators", "n_neighbors", "degree") if hasattr(cls(), key)]
    kind(cls, path, **{key: (lambda made, key=key: getattr(made, key)) for key in told})
    options = OPTIONS.get(name, {})

    def arguments(rng, n, m):
        X = data(rng, n, m)
        return (X,) if alone else (X, target(X, classes))

    def fit(rng, n, m):
        return call(cls(**options).fit, *arguments(rng, n, m))

    def use(rng, n, m):
        fitted = cls(**options).fit(*arguments(rng, 400, m))
        return call(getattr(fitted, uses), data(rng, n, m))

    workload(f"{path}.fit", n=rows, m=width)(fit)
    workload(f"{path}.{uses}", n=MANY if rows is ROWS else rows, m=width)(use)


L, P = "sklearn.linear_model.", "sklearn.preprocessing."
for name in ("LinearRegression", "Ridge", "Lasso", "ElasticNet"):
    estimator(L + name)
for name in ("LogisticRegression", "SGDClassifier"):
    estimator(L + name, classes=True)
for name in ("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "Normalizer", "QuantileTransformer"):
    estimator(P + name, uses="transform", alone=True)
estimator(P + "PolynomialFeatures", uses="transform", alone=True, rows=FEW, width=sizes(4, 30, edges=()))
estimator("sklearn.naive_bayes.GaussianNB", classes=True)
estimator("sklearn.tree.DecisionTreeClassifier", classes=True, rows=sizes(1000, 20_000, edges=()))
estimator("sklearn.tree.DecisionTreeRegressor", rows=FEW)
estimator("sklearn.ensemble.RandomForestClassifier", classes=True, rows=FEW)
estimator("sklearn.ensemble.RandomForestRegressor", rows=FEW)
estimator("sklearn.ensemble.GradientBoostingClassifier", classes=True, rows=FEW)
estimator("sklearn.neighbors.KNeighborsClassifier", classes=True, rows=FEW)
estimator("sklearn.neighbors.NearestNeighbors", uses="kneighbors", alone=True, rows=FEW)
estimator("sklearn.cluster.KMeans", alone=True)
estimator("sklearn.cluster.MiniBatchKMeans", alone=True)
estimator("sklearn.decomposition.PCA", uses="transform", alone=True)
estimator("sklearn.decomposition.TruncatedSVD", uses="transform", alone=True, width=sizes(6, 60, edges=()))
estimator("sklearn.svm.SVC", classes=True, rows=sizes(300, 3000, edges=()), width=sizes(4, 40, edges=()))
estimator("sklearn.svm.LinearSVC", classes=True, rows=FEW)

for name in ("euclidean_distances", "cosine_similarity", "rbf_kernel"):
    workload(f"sklearn.metrics.pairwise.{name}", n=sizes(100, 2500, edges=()), k=sizes(100, 2500, edges=()))(
        lambda rng, n, k, f=getattr(sklearn.metrics.pairwise, name): call(f, data(rng, n, 5), data(rng, k, 5)))
for name in ("accuracy_score", "confusion_matrix", "f1_score"):
    workload(f"sklearn.metrics.{name}", n=sizes(5000, 1_000_000, edges=()))(
        lambda rng, n, f=getattr(sklearn.metrics, name): call(f, (data(rng, n, 1)[:, 0] > 0.5).astype(int), (data(rng, n, 1)[:, 0] > 0.5).astype(int)))
for name in ("mean_squared_error", "r2_score", "mean_absolute_error"):
    workload(f"sklearn.metrics.{name}", n=sizes(5000, 2_000_000, edges=()))(
        lambda rng, n, f=getattr(sklearn.metrics, name): call(f, data(rng, n, 1)[:, 0], data(rng, n, 1)[:, 0]))
workload("sklearn.metrics.roc_auc_score", n=sizes(5000, 600_000, edges=()))(
    lambda rng, n: call(sklearn.metrics.roc_auc_score, (data(rng, n, 1)[:, 0] > 0.5).astype(int), data(rng, n, 1)[:, 0]))
workload("sklearn.model_selection.train_test_split", n=ROWS, m=WIDTH)(
    lambda rng, n, m: call(sklearn.model_selection.train_test_split, data(rng, n, m)))
workload("sklearn.cluster.DBSCAN.fit", n=FEW)(lambda rng, n: call(sklearn.cluster.DBSCAN(eps=0.02).fit, data(rng, n, 2)))
kind(sklearn.cluster.DBSCAN, "sklearn.cluster.DBSCAN")

WORDS = [f"word{n}" for n in range(5000)]


def texts(rng, documents, words):
    return [" ".join(rng.choice(WORDS) for _ in range(words)) for _ in range(documents)]


for name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
    cls = getattr(sklearn.feature_extraction.text, name)
    kind(cls, f"sklearn.feature_extraction.text.{name}")
    workload(f"sklearn.feature_extraction.text.{name}.fit_transform", documents=sizes(200, 6000, edges=()), words=sizes(8, 100, edges=()))(
        lambda rng, documents, words, cls=cls: call(cls().fit_transform, texts(rng, documents, words)))


# Constructors: nothing of theirs depends on a size.
for path in sorted({name.rpartition(".")[0] for name in WORKLOADS if name.endswith((".fit", ".fit_transform"))}):
    module, _, name = path.rpartition(".")
    cls = getattr(__import__(module, fromlist=[name]), name)
    workload(path, repetitions=3, parameters=["*args", "**kwargs"])(lambda rng, cls=cls: call(cls))
