"""Part II: reward-free episodic MDPs, visitation, and the policies of largest entropy."""
