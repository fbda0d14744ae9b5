"""How far predictions on several views of the same images differ."""

from torch import Tensor


def jensen_shannon(logits: Tensor) -> Tensor:
    """Jensen-Shannon divergence, in nats, between the predictions of views: logits [views, n, classes]. Mean over n."""
    log_probabilities = logits.log_softmax(2)
    probabilities = log_probabilities.exp()
    log_mean = probabilities.mean(0).clamp(min=1e-7).log()
    return (probabilities * (log_probabilities - log_mean)).sum(2).mean()
