"""Mail into, out of and between sites, and the proof that it is all there. Above the domain, below the shells."""
