"""Similar documents of the event."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity


def handler(event, context):
    vectorizer = TfidfVectorizer()
    matrix = vectorizer.fit_transform(event["documents"])
    similar = cosine_similarity(matrix[0:1], matrix)
    return {"documents": matrix.shape[0], "best": int(similar[0].argsort()[-2])}
