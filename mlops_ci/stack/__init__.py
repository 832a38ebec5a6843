"""One module, or small package, per system that a team may use."""
