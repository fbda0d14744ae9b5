// Labels from estimates, as analysis/audit makes them (decision.py, claims.py, families.py): the same t tests, families
// of claims and order of decision. tests/test_browser_labels.py holds both against each other.
"use strict";

const audit = (() => {
  const GAINS = ["DIFFERENTIAL", "TRADE-OFF", "GAIN, PRICE OPEN"];
  const CONDITIONAL = ["gain", "loss", "sign"]; // only p-values up to one half take part, with Storey's share of nulls
  const CLAIMED = ["gain", "sign"]; // what a method's authors may claim
  const KINDS = [...CONDITIONAL, "none", "null", "wash"];

  // The logarithm of the gamma function for x > 0 (Lanczos, g = 7: to some 15 digits).
  const LANCZOS = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  function logGamma(x) {
    if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
    const t = x + 6.5;
    const sum = LANCZOS.reduce((total, each, i) => (i ? total + each / (x - 1 + i) : each), 0);
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
  }

  // The continued fraction of the incomplete beta function (modified Lentz).
  function fraction(a, b, x) {
    const away = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
    let c = 1, d = 1 / away(1 - ((a + b) * x) / (a + 1)), found = d;
    for (let m = 1; m <= 5000; m++) {
      const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
      d = 1 / away(1 + even * d);
      c = away(1 + even / c);
      found *= d * c;
      const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 / away(1 + odd * d);
      c = away(1 + odd / c);
      found *= d * c;
      if (Math.abs(d * c - 1) < 1e-15) break;
    }
    return found;
  }

  // The chance that Student's t with df degrees of freedom is above t.
  function tail(t, df) {
    const x = df / (df + t * t), y = (t * t) / (df + t * t), a = df / 2, b = 0.5;
    if (y === 0) return 0.5;
    const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y));
    const beyond = x < (a + 1) / (a + b + 2) ? (front * fraction(a, b, x)) / a : 1 - (front * fraction(b, a, y)) / b;
    return t > 0 ? beyond / 2 : 1 - beyond / 2;
  }

  // p-values of one-sided tests; null where the effect is not known.
  const above = ([point, se, df], bound) => (point === null || se === null ? null : tail((point - bound) / se, df));
  const below = ([point, se, df], bound) => (point === null || se === null ? null : tail((bound - point) / se, df));
  const largest = (...p) => (p.includes(null) ? null : Math.max(...p));
  const within = (of, bound) => largest(above(of, -bound), below(of, bound));
  const atMost = (value, bound) => value !== null && value <= bound;

  function tests({ total, capability, beyond }, margin, capabilityMargin) {
    const washing = within(beyond, margin);
    return {
      differential: above(beyond, margin), above: above(beyond, 0), safer: above(total, 0),
      below: below(beyond, margin), loss: below(total, -margin), washing, null: largest(washing, within(total, margin)),
      tax: above(capability, -capabilityMargin), paid: below(capability, -capabilityMargin), up: above(capability, 0),
    };
  }

  // A claim's p-values, each of the match that is worse for it; of the runs as trained for a loss and for no effect.
  function claimed(matches) {
    const every = Object.values(matches), { epochs } = matches;
    const worst = (name) => largest(...every.map((each) => each[name]));
    const paid = every.map((each) => each.paid).filter((p) => p !== null);
    return {
      gain: worst("differential"), sign: largest(worst("above"), worst("safer")), none: epochs.below, loss: epochs.loss,
      null: epochs.null, wash: largest(epochs.safer, epochs.washing, epochs.up), epochs: epochs.differential,
      tax: worst("tax"), safer: worst("safer"), paid: paid.length ? Math.min(...paid) : null,
    };
  }

  const known = (p) => p.flatMap((each, i) => (each === null ? [] : [i]));
  const taking = (p) => known(p).filter((i) => p[i] <= 0.5);

  // The least of what stands at each place and after it, by rank.
  function fromTheEnd(places, ranked) {
    const found = new Map();
    for (let i = places.length - 1, least = Infinity; i >= 0; i--) {
      least = Math.min(least, ranked[i]);
      found.set(places[i], least);
    }
    return found;
  }

  // Benjamini and Hochberg's q-values.
  function stepUp(p) {
    const order = known(p).sort((i, j) => p[i] - p[j]);
    const found = fromTheEnd(order, order.map((i, rank) => (p[i] * order.length) / (rank + 1)));
    return p.map((each, i) => (each === null ? null : Math.min(found.get(i), 1)));
  }

  // q-values among the p-values up to one half, by Storey's adaptive step-up; 1 where p is larger.
  function conditional(p, weights) {
    const own = taking(p), sum = (places) => places.reduce((all, i) => all + (weights ? weights[i] : 1), 0);
    const mean = own.length ? sum(own) / own.length : 1, weight = (i) => (weights ? weights[i] : 1) / mean;
    const share = p.map((each, i) => (each === null ? null : each / 0.5 / weight(i)));
    const most = own.length ? Math.max(...own.map(weight)) : 1;
    const above = sum(own.filter((i) => p[i] / 0.5 > 0.5)) / mean;
    const nulls = Math.min(1, (most + above) / (0.5 * Math.max(own.length, 1)));
    const order = [...own].sort((i, j) => share[i] - share[j]);
    const found = fromTheEnd(order, order.map((i, rank) => (nulls * own.length * share[i]) / (rank + 1)));
    return p.map((each, i) => {
      if (each === null) return null;
      return each > 0.25 || !found.has(i) ? 1 : Math.min(Math.max(found.get(i), each), 1);
    });
  }

  // Holm's adjusted p-values among the p-values up to one half.
  function familyWise(p) {
    const order = taking(p).sort((i, j) => p[i] - p[j]);
    const found = p.map((each) => (each === null ? null : 1));
    order.reduce((most, i, rank) => {
      const adjusted = Math.max(most, (p[i] / 0.5) * (order.length - rank));
      found[i] = Math.min(adjusted, 1);
      return adjusted;
    }, 0);
    return found;
  }

  // Weights of mean 1 that give what authors claim half of all, and never less than the rest.
  function claimWeights(mask) {
    const own = mask.filter(Boolean).length, all = mask.length;
    if (!(own > 0 && own < all / 2)) return mask.map(() => 1);
    return mask.map((each) => all / (2 * (each ? own : all - own)));
  }

  // What `how` gives each claim among those of the real methods that no check blocks, a placebo's among those and its
  // own, and a blocked one's among those and itself.
  function judged(rows, p, placebos, how) {
    const apart = rows.map((row, i) => (row.blocked ? i : placebos.includes(row.method) ? row.method : null));
    const of = (name) => apart.flatMap((each, i) => (each === name ? [i] : [])), real = of(null);
    const found = p.map(() => null);
    how(real.map((i) => p[i]), real).forEach((value, k) => { found[real[k]] = value; });
    for (const name of new Set(apart.filter((each) => each !== null))) {
      const own = of(name), both = [...real, ...own];
      how(both.map((i) => p[i])).slice(real.length).forEach((value, k) => { found[own[k]] = value; });
    }
    return found;
  }

  function decided(p, q, alpha, rate) {
    const found = (kind) => atMost(q[kind], rate);
    if (found("loss")) return "REGRESSION";
    if (found("gain")) {
      if (atMost(p.tax, alpha) && atMost(p.safer, alpha)) return "DIFFERENTIAL";
      return atMost(p.paid, alpha / 2) ? "TRADE-OFF" : "GAIN, PRICE OPEN";
    }
    const other = { null: "NULL", wash: "WASHING", sign: "GAIN, SIZE OPEN", none: "NO GAIN" };
    const kind = Object.keys(other).find(found);
    return kind ? other[kind] : "UNDETERMINED";
  }

  // The match whose estimates a claim is shown with: of a gain, the one where it is less sure.
  function shown(label, p, claim, tested, alpha) {
    const { epochs, flops } = claim.matches;
    if (!flops || epochs.beyond[0] === null) return "epochs";
    if (label === "GAIN, SIZE OPEN") return flops.least < epochs.least ? "flops" : "epochs";
    const gain = GAINS.includes(label) || (label === "UNDETERMINED" && atMost(p.epochs, alpha));
    return gain && tested.flops.differential > tested.epochs.differential ? "flops" : "epochs";
  }

  // The labels of a tier's claims. choice: rate, margin(claim), capability(claim).
  function ofTier(rows, { alpha, placebos, weigh }, choice) {
    const tested = rows.map((claim) => {
      const margins = [choice.margin(claim), choice.capability(claim)];
      return Object.fromEntries(Object.entries(claim.matches).map(([name, each]) => [name, tests(each, ...margins)]));
    });
    const p = tested.map(claimed), q = {};
    for (const kind of KINDS) {
      const how = (values, real) => {
        if (!CONDITIONAL.includes(kind)) return stepUp(values);
        const weighed = weigh && real && CLAIMED.includes(kind);
        return conditional(values, weighed ? claimWeights(real.map((i) => rows[i].claimed)) : null);
      };
      q[kind] = judged(rows, p.map((each) => each[kind]), placebos, how);
    }
    const holm = judged(rows, p.map((each) => each.gain), placebos, familyWise);
    return rows.map((claim, i) => {
      const own = Object.fromEntries(KINDS.map((kind) => [kind, q[kind][i]]));
      const ungated = decided(p[i], own, alpha, choice.rate);
      const label = claim.blocked ? "BLOCKED" : ungated;
      const starred = GAINS.includes(label) && atMost(holm[i], choice.rate);
      return { label, starred, match: shown(ungated, p[i], claim, tested[i], alpha), p: p[i].gain, q: own.gain };
    });
  }

  // The labels of all claims of a task, in their order; each tier has families of its own.
  function labels(claims, settings, choice) {
    const found = Array(claims.length);
    for (const tier of new Set(claims.map((claim) => claim.tier))) {
      const places = claims.flatMap((claim, i) => (claim.tier === tier ? [i] : []));
      ofTier(places.map((i) => claims[i]), settings, choice).forEach((each, k) => { found[places[k]] = each; });
    }
    return found;
  }

  return { labels, tail };
})();
