"""Can trojans be found in networks without their triggers? A population of tiny networks, half of them poisoned.

    python benchmarks/trojan_detectors.py [--pairs 100] [--seed 1] [--rate 0.05] [--workers 2]

Trains pairs of networks (the same seed, one poisoned) on glyphs of 16 pixels over Ray, and prints how well each
detector tells the two kinds apart: on families of triggers that it never saw, and on triggers of its own that it never
saw of families that it did. Read it beside the first table: a detector may find lower accuracy instead of trojans, so
the arms' accuracies have to be alike, and accuracy alone is among the detectors. With --rate 0 nothing is poisoned and
every AUROC should be about .5: what is above it is the trace of matching the arms. Same numbers for any workers.
"""

import argparse
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from trojans import meta_network, neural_cleanse, weight_statistics
from trojans.detection import Detector, by_value, mean_over_folds, on_unseen
from trojans.networks import restored
from trojans.neural_cleanse import SIZES, Search, found_targets, mask_sizes
from trojans.population import Design, Member, Population, population, trained_pair

from cluster.fanout import Failed, fanout
from pipelines import parts
from pipelines.outcomes import Measured
from pipelines.supervised.draws import seed_for

SIZE = 16
UNUSED = dict.fromkeys(("capability", "held_out_fonts", "spurious", "cue_conflict", "outliers"), 20)
UNUSED |= dict.fromkeys(("training_outliers", "transfer_train", "transfer_test"), 20)
GLYPHS = {"size": SIZE, "train": 6000, "validation": 200, "test": 1000, **UNUSED}
FOLDS = 4  # of pairs, each with every family

DETECTORS: dict[str, Detector] = {  # the longest first
    "meta-network on learnt queries": meta_network.detector(),
    "weight statistics, logistic": weight_statistics.detect,
    "Neural Cleanse, anomaly index": neural_cleanse.by_anomaly,
    "Neural Cleanse, against clean networks": neural_cleanse.against_clean,
    "clean loss alone": by_value("loss", 1),
    "clean accuracy alone": by_value("accuracy", -1),
}


def pair_of(pair: int, shared: dict[str, Any]) -> tuple[list[Member], float, float]:
    """In the worker: a pair's networks with the mask sizes of Neural Cleanse, and the CPU seconds that each took."""
    start = time.process_time()
    members = trained_pair(pair, shared["design"], shared["train"], shared["test"], shared["classes"])
    trained = time.process_time()
    images, seed = shared["validation"].images, seed_for(shared["design"].seed, f"pair/{pair}/masks")
    found = []
    for member in members:
        network = restored(member.weights, shared["classes"], images.shape[1])
        sizes = mask_sizes(network, images, Search(), seed)
        found.append(replace(member, values={**member.values, SIZES: sizes}))
    return found, trained - start, time.process_time() - trained


def fold_of(item: tuple[str, str, str], shared: dict[str, Any]) -> Measured:
    """In the worker: a detector's AUROC on one fold of a way to split the population."""
    detector, split, fold = item
    return on_unseen(DETECTORS[detector], shared["networks"], shared["splits"][split] == fold, shared["seed"])


def main() -> None:
    """Train, detect, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.05, help="poisoned images for each clean one")
    parser.add_argument("--workers", type=int, help="items at once; as many as fit by default")
    chosen = parser.parse_args()
    design = Design(rate=chosen.rate, seed=chosen.seed)
    data = parts.load("pipelines.vision.datasets", "glyphs", GLYPHS).load()
    shared = {name: data.splits[name] for name in ("train", "validation", "test")}
    shared |= {"design": design, "classes": len(data.class_names)}

    start = time.perf_counter()
    made = finished(
        fanout(pair_of, range(chosen.pairs), total=chosen.pairs, shared=shared, workers=chosen.workers, title="train")
    )
    wall = time.perf_counter() - start
    members = [member for found, *_ in made.values() for member in found]
    networks = population(members, len(data.class_names), SIZE)
    splits = {"families": networks.family, "triggers": (networks.pair // len(design.families) % FOLDS).astype(str)}
    items = [
        (name, split, fold) for name in DETECTORS for split in splits for fold in np.unique(splits[split]).tolist()
    ]
    shared = {"networks": networks, "splits": splits, "seed": chosen.seed}
    found = finished(fanout(fold_of, items, total=len(items), shared=shared, workers=chosen.workers, title="detect"))
    detecting = time.perf_counter() - start - wall

    print_arms(networks)
    print_detectors(found)
    training, masks = (sum(seconds[k] for _, *seconds in made.values()) for k in (0, 1))
    print(
        f"\n{len(networks)} networks in {wall:.0f} s, {60 * len(networks) / wall:.0f} a minute; CPU seconds a network: "
        f"{training / len(networks):.2f} of training, {masks / len(networks):.2f} for its masks. Detection in "
        f"{detecting:.0f} s. Seed {chosen.seed}."
    )


def finished(results: Any) -> dict[Any, Any]:
    """Values by item; ends the program where one failed."""
    values = {}
    for result in results:
        if isinstance(result, Failed):
            sys.exit(f"{result.item}: {result.error}: {result.message}\n{result.traceback}")
        values[result.item] = result.value
    return values


def print_arms(networks: Population) -> None:
    """What both arms can do, family by family: were they matched, and did the attacks succeed? `target found`: how
    often a trojan's target is the class of the smallest mask.
    """
    print("| family | networks | accuracy: clean | trojaned | difference | attack success: clean | trojaned |", end="")
    print(" target found |\n|---|---|---|---|---|---|---|---|")
    for family in (*np.unique(networks.family).tolist(), "all"):
        chosen = networks if family == "all" else networks.rows(networks.family == family)
        clean, trojaned = chosen.rows(~chosen.trojaned), chosen.rows(chosen.trojaned)
        means = {
            name: " | ".join(f"{arm.values[name].mean():.3f}" for arm in (clean, trojaned))
            for name in ("accuracy", "attack_success")
        }
        change = trojaned.values["accuracy"] - clean.values["accuracy"]
        difference = f"{change.mean():+.4f} ± {change.std(ddof=1) / np.sqrt(len(change)):.4f}"
        target = f"{(found_targets(trojaned) == trojaned.target).mean():.2f}"
        row = (family, str(len(chosen)), means["accuracy"], difference, means["attack_success"], target)
        print(f"| {' | '.join(row)} |")


def print_detectors(found: dict[tuple[str, str, str], Measured]) -> None:
    """AUROC of each detector with its standard error, on unseen families one by one and together, and on unseen
    triggers of seen families.
    """
    families = sorted({fold for _, split, fold in found if split == "families"})
    print(f"\n| detector | AUROC, unseen families | {' | '.join(families)} | AUROC, unseen triggers of seen families |")
    print(f"|---|---|{'---|' * len(families)}---|")
    for name in DETECTORS:
        unseen, seen = (
            mean_over_folds([one for (which, split, _), one in found.items() if (which, split) == (name, wanted)])
            for wanted in ("families", "triggers")
        )
        each = " | ".join(f"{found[name, 'families', family].value:.2f}" for family in families)
        print(f"| {name} | {shown(unseen)} | {each} | {shown(seen)} |")


def shown(measured: Measured) -> str:
    """A value with its standard error."""
    return f"{measured.value:.3f}" + ("" if measured.standard_error is None else f" ± {measured.standard_error:.3f}")


if __name__ == "__main__":
    main()
