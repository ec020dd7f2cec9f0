"""Part III: entropy control, neural policies, countable answers, and the law of reward and entropy."""
