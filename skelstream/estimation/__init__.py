"""From images to people: the network, the grouping and the refinement behind one protocol."""
