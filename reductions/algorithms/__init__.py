"""What is claimed of the algorithms of ``mpc_sim.algorithms``: oracles, hard inputs, bounds."""
