"""Part III: entropy control, neural policies, and the law of reward and entropy."""
