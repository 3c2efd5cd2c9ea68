"""scipy: linear algebra, sparse matrices, signals and images."""

import numpy as np
import scipy.cluster.hierarchy
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.linalg
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.sparse.linalg
import scipy.spatial
import scipy.stats
from meminterface_workloads import call, kind, sizes, workload

SPARSE = {"csr_matrix": scipy.sparse.csr_matrix, "csc_matrix": scipy.sparse.csc_matrix, "coo_matrix": scipy.sparse.coo_matrix,
          "csr_array": scipy.sparse.csr_array}
for name, made in SPARSE.items():
    kind(lambda x, t=made: type(x) is t, f"scipy.sparse.{name}", rows=lambda m: m.shape[0], columns=lambda m: m.shape[1],
         nnz=lambda m: m.nnz)

SQUARE = sizes(40, 800, edges=(1,))
LONG = sizes(8000, 2_000_000, edges=())


def array(rng, *shape):
    return np.random.default_rng(rng.getrandbits(32)).random(shape)


def definite(rng, n):
    made = array(rng, n, n)
    return made @ made.T + n * np.eye(n)


def square(name, make=array, **kwargs):
    def _(rng, n):
        return call(getattr(scipy.linalg, name), make(rng, n, n) if make is array else make(rng, n), **kwargs)

    workload(f"scipy.linalg.{name}", n=SQUARE)(_)


for name in ("inv", "det", "lu", "qr", "svd", "lu_factor", "pinv", "eigvals", "hessenberg", "expm", "svdvals", "norm"):
    square(name)
for name in ("cholesky", "eigh", "cho_factor", "eigvalsh"):
    square(name, make=definite)
workload("scipy.linalg.solve", n=SQUARE, k=sizes(2, 200, edges=()))(
    lambda rng, n, k: call(scipy.linalg.solve, definite(rng, n), array(rng, n, k)))
workload("scipy.linalg.lstsq", n=sizes(300, 3000, edges=()), k=sizes(10, 300, edges=()))(
    lambda rng, n, k: call(scipy.linalg.lstsq, array(rng, n, k), array(rng, n)))
workload("scipy.linalg.toeplitz", n=sizes(40, 3000, edges=(1,)))(lambda rng, n: call(scipy.linalg.toeplitz, array(rng, n)))


def image(name, *args, low=80, high=1600, **kwargs):
    def _(rng, height, width):
        return call(getattr(scipy.ndimage, name), array(rng, height, width), *args, **kwargs)

    workload(f"scipy.ndimage.{name}", height=sizes(low, high, edges=(1,)), width=sizes(low, high, edges=(1,)))(_)


image("gaussian_filter", 2.0)
image("uniform_filter", 5)
image("median_filter", 3, high=1000)
image("sobel")
image("laplace")
image("rotate", 30.0, high=1200)
image("zoom", 2.0, high=900)
image("shift", 1.5)
image("maximum_filter", 5)
image("grey_erosion", 3)
image("gaussian_gradient_magnitude", 2.0)
workload("scipy.ndimage.label", height=sizes(80, 1600, edges=()), width=sizes(80, 1600, edges=()))(
    lambda rng, height, width: call(scipy.ndimage.label, array(rng, height, width) > 0.6))
workload("scipy.ndimage.binary_erosion", height=sizes(80, 1600, edges=()), width=sizes(80, 1600, edges=()))(
    lambda rng, height, width: call(scipy.ndimage.binary_erosion, array(rng, height, width) > 0.6))
workload("scipy.ndimage.distance_transform_edt", height=sizes(80, 1600, edges=()), width=sizes(80, 1600, edges=()))(
    lambda rng, height, width: call(scipy.ndimage.distance_transform_edt, array(rng, height, width) > 0.1))
workload("scipy.ndimage.convolve", n=sizes(80, 1500, edges=()), k=sizes(3, 9, edges=()))(
    lambda rng, n, k: call(scipy.ndimage.convolve, array(rng, n, n), array(rng, k, k)))


def signal(name, *args, make=array, n=LONG, **kwargs):
    workload(f"scipy.signal.{name}", n=n)(lambda rng, n: call(getattr(scipy.signal, name), make(rng, n), *args, **kwargs))


signal("detrend")
signal("hilbert", make=lambda rng, n: array(rng, 1 << (n.bit_length() - 1)))
signal("medfilt", 5)
signal("savgol_filter", 11, 3)
signal("find_peaks")
signal("decimate", 4)
signal("welch")
signal("spectrogram")
signal("periodogram", make=lambda rng, n: array(rng, 1 << (n.bit_length() - 1)))
workload("scipy.signal.lfilter", n=LONG)(lambda rng, n: call(scipy.signal.lfilter, *scipy.signal.butter(4, 0.2), array(rng, n)))
workload("scipy.signal.filtfilt", n=LONG)(lambda rng, n: call(scipy.signal.filtfilt, *scipy.signal.butter(4, 0.2), array(rng, n)))
workload("scipy.signal.convolve", n=LONG, k=sizes(3, 60, edges=()))(
    lambda rng, n, k: call(scipy.signal.convolve, array(rng, n), array(rng, k), method="direct"))
workload("scipy.signal.fftconvolve", n=sizes(4000, 1_000_000, edges=()))(
    lambda rng, n: call(scipy.signal.fftconvolve, array(rng, n), array(rng, n)))
workload("scipy.signal.convolve2d", n=sizes(80, 1000, edges=()), k=sizes(3, 9, edges=()))(
    lambda rng, n, k: call(scipy.signal.convolve2d, array(rng, n, n), array(rng, k, k)))
workload("scipy.fft.fft", n=sizes(4000, 4_000_000, edges=()))(
    lambda rng, n: call(scipy.fft.fft, array(rng, 1 << (n.bit_length() - 1))))
workload("scipy.fft.rfft", n=sizes(4000, 4_000_000, edges=()))(
    lambda rng, n: call(scipy.fft.rfft, array(rng, 1 << (n.bit_length() - 1))))
workload("scipy.fft.dct", n=sizes(4000, 4_000_000, edges=()))(
    lambda rng, n: call(scipy.fft.dct, array(rng, 1 << (n.bit_length() - 1))))
workload("scipy.fft.fft2", n=sizes(60, 1500, edges=()))(lambda rng, n: call(scipy.fft.fft2, array(rng, n, n)))


def sparse(rng, n, share, form="csr"):
    random, count = np.random.default_rng(rng.getrandbits(32)), n * share
    # `scipy.sparse.random` would draw from all n * n places at once.
    made = scipy.sparse.coo_matrix((random.random(count), (random.integers(0, n, count), random.integers(0, n, count))), shape=(n, n))
    made.sum_duplicates()
    return made.asformat(form)


S, K = sizes(500, 40_000, edges=()), sizes(2, 30, edges=())
for name in ("transpose", "tocsc", "tocoo", "sum", "copy"):
    workload(f"scipy.sparse.csr_matrix.{name}", n=S, share=K)(
        lambda rng, n, share, name=name: call(getattr(scipy.sparse.csr_matrix(sparse(rng, n, share)), name)))
workload("scipy.sparse.csr_matrix.toarray", n=sizes(100, 2500, edges=()), share=K)(
    lambda rng, n, share: call(scipy.sparse.csr_matrix(sparse(rng, n, min(share, n))).toarray))
workload("scipy.sparse.csr_matrix.dot", n=S, share=K)(
    lambda rng, n, share: call(scipy.sparse.csr_matrix(sparse(rng, n, share)).dot, array(rng, n)))
workload("scipy.sparse.csr_matrix", n=S, share=K, parameters=["arg1", "shape=None", "dtype=None", "copy=False"])(
    lambda rng, n, share: call(scipy.sparse.csr_matrix, scipy.sparse.coo_matrix(sparse(rng, n, share, "coo"))))
workload("scipy.sparse.eye", n=sizes(4000, 1_000_000, edges=()))(lambda rng, n: call(scipy.sparse.eye, n))
workload("scipy.sparse.linalg.cg", n=S)(
    lambda rng, n: call(scipy.sparse.linalg.cg, scipy.sparse.csr_matrix(scipy.sparse.eye(n) * 3), array(rng, n)))

P = sizes(300, 40_000, edges=())
workload("scipy.spatial.cKDTree", n=sizes(1000, 300_000, edges=()), d=sizes(2, 8, edges=()), parameters=["data", "leafsize=16"])(
    lambda rng, n, d: call(scipy.spatial.cKDTree, array(rng, n, d)))
workload("scipy.spatial.distance.pdist", n=sizes(100, 3500, edges=()), d=sizes(2, 20, edges=()))(
    lambda rng, n, d: call(scipy.spatial.distance.pdist, array(rng, n, d)))
workload("scipy.spatial.distance.cdist", n=sizes(100, 3000, edges=()), m=sizes(100, 3000, edges=()))(
    lambda rng, n, m: call(scipy.spatial.distance.cdist, array(rng, n, 3), array(rng, m, 3)))
workload("scipy.spatial.distance.squareform", n=sizes(100, 2500, edges=()))(
    lambda rng, n: call(scipy.spatial.distance.squareform, array(rng, n * (n - 1) // 2)))
workload("scipy.spatial.ConvexHull", n=P, parameters=["points", "**kwargs"])(
    lambda rng, n: call(scipy.spatial.ConvexHull, array(rng, n, 2)))
workload("scipy.spatial.Delaunay", n=P, parameters=["points", "**kwargs"])(
    lambda rng, n: call(scipy.spatial.Delaunay, array(rng, n, 2)))
workload("scipy.cluster.hierarchy.linkage", n=sizes(100, 3000, edges=()), d=sizes(2, 20, edges=()))(
    lambda rng, n, d: call(scipy.cluster.hierarchy.linkage, array(rng, n, d)))
workload("scipy.interpolate.interp1d", n=LONG, parameters=["x", "y", "kind='linear'"])(
    lambda rng, n: call(scipy.interpolate.interp1d, np.arange(float(n)), array(rng, n)))
workload("scipy.interpolate.CubicSpline", n=sizes(2000, 500_000, edges=()), parameters=["x", "y", "axis=0"])(
    lambda rng, n: call(scipy.interpolate.CubicSpline, np.arange(float(n)), array(rng, n)))
for name in ("zscore", "rankdata", "describe", "skew", "kurtosis", "gmean", "iqr"):
    workload(f"scipy.stats.{name}", n=LONG)(lambda rng, n, f=getattr(scipy.stats, name): call(f, array(rng, n) + 0.1))
for name in ("ttest_ind", "pearsonr", "spearmanr", "ks_2samp", "linregress"):
    workload(f"scipy.stats.{name}", n=sizes(4000, 1_000_000, edges=()))(
        lambda rng, n, f=getattr(scipy.stats, name): call(f, array(rng, n), array(rng, n)))
workload("scipy.integrate.simpson", n=LONG)(lambda rng, n: call(scipy.integrate.simpson, array(rng, n)))
workload("scipy.integrate.cumulative_trapezoid", n=LONG)(lambda rng, n: call(scipy.integrate.cumulative_trapezoid, array(rng, n)))
workload("scipy.optimize.linear_sum_assignment", n=sizes(100, 1200, edges=()), m=sizes(100, 1200, edges=()))(
    lambda rng, n, m: call(scipy.optimize.linear_sum_assignment, array(rng, n, m)))
