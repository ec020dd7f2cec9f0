(** * Gibbs' variational identity, and one step of the natural policy gradient *)

From Proofs Require Export Softmax Divergence.

(** Label: lem-gibbs.
    Part: whole.
    Covers: the whole statement.
    Words: <p, x> + H(p) = F(x) - KL(p || softmax x).
    Narrower: nothing. *)
Theorem gibbs : forall {T : Type} (X : list T) (p x : T -> R),
  sum X p = 1 ->
  mean X p x + entropy X p = logsumexp X x - kl X p (softmax X x).
Proof.
  intros T X p x total. assert (filled := distribution_filled X p total).
  rewrite kl_split.
  rewrite (mean_ext X p (fun a => ln (softmax X x a)) (fun a => x a - logsumexp X x))
    by (intros a _; apply ln_softmax, filled).
  rewrite mean_minus, mean_const by exact total. ring.
Qed.

Lemma softmax_dominates : forall {T : Type} (X : list T) (p x : T -> R),
  X <> [] -> dominated X p (softmax X x).
Proof.
  intros T X p x filled. apply positive_dominates. intros a _. apply softmax_positive, filled.
Qed.

(** The log-partition function is the largest of <p, x> + H(p), reached by softmax only. *)
Theorem gibbs_inequality : forall {T : Type} (X : list T) (p x : T -> R),
  distribution X p ->
  mean X p x + entropy X p <= logsumexp X x
  /\ (mean X p x + entropy X p = logsumexp X x <-> (forall a, In a X -> p a = softmax X x a)).
Proof.
  intros T X p x dist. assert (filled := distribution_filled X p (proj2 dist)).
  assert (softmax_dist := softmax_distribution X x filled).
  assert (dom := softmax_dominates X p x filled).
  rewrite gibbs by apply dist. split.
  - assert (pos := kl_nonneg X p (softmax X x) dist softmax_dist dom). lra.
  - rewrite <- (kl_zero X p (softmax X x) dist softmax_dist dom). split; lra.
Qed.

(** ** The step: prox = multiplicative weights = shift of the logits *)

(** The objective of the step at [p]: <p, q> - KL(p || pi) / eta *)
Definition prox {T : Type} (X : list T) (π q : T -> R) (η : R) (p : T -> R) : R :=
  mean X p q - kl X p π / η.

(** The step of size [eta] along [q]: pi e^{eta q} / E_pi e^{eta q} *)
Definition step {T : Type} (X : list T) (π q : T -> R) (η : R) : T -> R :=
  tilt X π (fun a => η * q a).

(** The cumulant function: log E_pi e^{eta q} *)
Definition log_partition {T : Type} (X : list T) (π q : T -> R) (η : R) : R :=
  ln (mean X π (fun a => exp (η * q a))).

Lemma ln_step : forall {T : Type} (X : list T) (π q : T -> R) (η : R) (a : T),
  positive X π -> In a X ->
  ln (step X π q η a) = ln (π a) + η * q a - log_partition X π q η.
Proof. intros T X π q η a full inside. exact (ln_tilt X π (fun b => η * q b) a full inside). Qed.

(** Averaged under any p: KL(p || pi) - KL(p || pi') = eta <p, q> - log E_pi e^{eta q} *)
Lemma kl_difference : forall {T : Type} (X : list T) (π q p : T -> R) (η : R),
  positive X π -> sum X p = 1 ->
  kl X p π - kl X p (step X π q η) = η * mean X p q - log_partition X π q η.
Proof.
  intros T X π q p η full total. rewrite !kl_split.
  rewrite (mean_ext X p (fun a => ln (step X π q η a))
    (fun a => ln (π a) + η * q a - log_partition X π q η))
    by (intros a inside; apply ln_step; assumption).
  rewrite mean_minus, mean_plus, mean_const, mean_scal by exact total. ring.
Qed.

(** Label: thm-npg-equivalences.
    Part: gap.
    Covers: the maximum and the gap of every p.
    Words: <p, q> - KL(p || pi) / eta = log E_pi e^{eta q} / eta - KL(p || p-star) / eta,
    with p-star(a) = pi(a) e^{eta q(a)} / E_pi e^{eta q}.
    Narrower: nothing (a softmax policy has full support). *)
Theorem prox_gap : forall {T : Type} (X : list T) (π q p : T -> R) (η : R),
  positive X π -> sum X p = 1 -> 0 < η ->
  prox X π q η p = log_partition X π q η / η - kl X p (step X π q η) / η.
Proof.
  intros T X π q p η full total pos. unfold prox.
  assert (h := kl_difference X π q p η full total).
  replace (kl X p π) with
    (η * mean X p q - log_partition X π q η + kl X p (step X π q η)) by lra.
  field. lra.
Qed.

Lemma step_positive : forall {T : Type} (X : list T) (π q : T -> R) (η : R),
  positive X π -> positive X (step X π q η).
Proof. intros. apply tilt_positive. assumption. Qed.

Lemma step_distribution : forall {T : Type} (X : list T) (π q : T -> R) (η : R),
  X <> [] -> positive X π -> distribution X (step X π q η).
Proof. intros. apply tilt_distribution; assumption. Qed.

(** Label: thm-npg-equivalences.
    Part: optimum.
    Covers: the solution of the problem, and that it is the only one.
    Words: no distribution p has a larger <p, q> - KL(p || pi) / eta than p-star, and only p-star
    reaches its value log E_pi e^{eta q} / eta.
    Narrower: nothing. *)
Theorem prox_solution : forall {T : Type} (X : list T) (π q p : T -> R) (η : R),
  positive X π -> distribution X p -> 0 < η ->
  prox X π q η (step X π q η) = log_partition X π q η / η
  /\ prox X π q η p <= prox X π q η (step X π q η)
  /\ (prox X π q η p = prox X π q η (step X π q η)
      <-> (forall a, In a X -> p a = step X π q η a)).
Proof.
  intros T X π q p η full dist pos.
  assert (filled := distribution_filled X p (proj2 dist)).
  assert (dist' := step_distribution X π q η filled full).
  assert (dom := positive_dominates X p _ (step_positive X π q η full)).
  assert (self : kl X (step X π q η) (step X π q η) = 0).
  { apply kl_zero; auto. apply positive_dominates, step_positive, full. }
  assert (top : prox X π q η (step X π q η) = log_partition X π q η / η).
  { rewrite prox_gap, self by (try apply dist'; assumption). unfold Rdiv. ring. }
  assert (gap : prox X π q η p = log_partition X π q η / η - kl X p (step X π q η) / η).
  { apply prox_gap; [exact full|apply dist|exact pos]. }
  rewrite top, gap. split; [reflexivity|]. split.
  - assert (h := kl_nonneg X p (step X π q η) dist dist' dom).
    assert (0 <= kl X p (step X π q η) / η); [|lra].
    apply Rmult_le_pos; [exact h|apply Rlt_le, Rinv_0_lt_compat, pos].
  - rewrite <- (kl_zero X p (step X π q η) dist dist' dom). split; intro h.
    + assert (zero : kl X p (step X π q η) / η = 0) by lra.
      apply Rmult_integral in zero. destruct zero as [zero|zero]; [exact zero|].
      assert (h' := Rinv_neq_0_compat η ltac:(lra)). contradiction.
    + rewrite h. unfold Rdiv. ring.
Qed.

(** Label: thm-npg-equivalences.
    Part: forms.
    Covers: the step in logits.
    Words: from pi = softmax theta the step is softmax(theta + eta q).
    Narrower: nothing. *)
Theorem step_logits : forall {T : Type} (X : list T) (θ q : T -> R) (η : R) (a : T),
  X <> [] -> step X (softmax X θ) q η a = softmax X (fun b => θ b + η * q b) a.
Proof. intros. apply tilt_of_softmax. assumption. Qed.

(** Label: thm-npg-equivalences.
    Part: constant.
    Covers: the last sentence.
    Words: q + c gives the same step as q, and c more of the objective.
    Narrower: nothing (with c = -V, Q and A give the same step). *)
Theorem step_constant : forall {T : Type} (X : list T) (π q p : T -> R) (η c : R),
  X <> [] -> positive X π -> sum X p = 1 ->
  (forall a, In a X -> step X π (fun b => q b + c) η a = step X π q η a)
  /\ prox X π (fun b => q b + c) η p = prox X π q η p + c.
Proof.
  intros T X π q p η c filled full total. split.
  - intros a inside. unfold step, tilt.
    assert (pos := tilt_partition_pos X π (fun b => η * q b) filled full). simpl in pos.
    rewrite (sum_ext X (fun b => π b * exp (η * (q b + c)))
      (fun b => π b * exp (η * q b) * exp (η * c))).
    2: { intros. rewrite Rmult_plus_distr_l, exp_plus. ring. }
    rewrite sum_scal_r, Rmult_plus_distr_l, exp_plus. field.
    split; apply Rgt_not_eq; [exact pos|apply exp_pos].
  - unfold prox. rewrite mean_plus, mean_const by exact total. ring.
Qed.

(** ** Consequences of the step *)

(** Label: lem-three-points.
    Covers: the whole equation.
    Words: eta <p - pi', q> = KL(p || pi) - KL(p || pi') - KL(pi' || pi) for the step pi'.
    Narrower: nothing. *)
Theorem three_points : forall {T : Type} (X : list T) (π q p : T -> R) (η : R),
  positive X π -> sum X p = 1 ->
  let π' := step X π q η in
  η * (mean X p q - mean X π' q) = kl X p π - kl X p π' - kl X π' π.
Proof.
  intros T X π q p η full total π'.
  assert (filled := distribution_filled X p total).
  assert (dist' := step_distribution X π q η filled full). fold π' in dist'.
  assert (full' : positive X π') by (apply step_positive, full).
  assert (self : kl X π' π' = 0) by (apply kl_zero; auto using (positive_dominates X π' π')).
  assert (at_p := kl_difference X π q p η full total).
  assert (at_step := kl_difference X π q π' η full (proj2 dist')).
  fold π' in at_p, at_step. lra.
Qed.

(** Label: prop-npg-monotone.
    Part: divergences.
    Covers: the first line.
    Words: E_pi' A = (KL(pi' || pi) + KL(pi || pi')) / eta >= 0 for the step pi', if E_pi A = 0.
    Narrower: one state, as that line is. *)
Theorem step_monotone : forall {T : Type} (X : list T) (π A : T -> R) (η : R),
  distribution X π -> positive X π -> mean X π A = 0 -> 0 < η ->
  let π' := step X π A η in
  mean X π' A = (kl X π' π + kl X π π') / η /\ 0 <= mean X π' A.
Proof.
  intros T X π A η dist full centred pos π'.
  assert (filled := distribution_filled X π (proj2 dist)).
  assert (dist' : distribution X π') by (apply step_distribution; assumption).
  assert (full' : positive X π') by (apply step_positive, full).
  assert (self : kl X π π = 0) by (apply kl_zero; auto using (positive_dominates X π π)).
  assert (h := three_points X π A π η full (proj2 dist)). fold π' in h. simpl in h.
  assert (value : mean X π' A = (kl X π' π + kl X π π') / η).
  { rewrite centred, self in h. apply Rmult_eq_reg_l with η; [|lra]. field_simplify; lra. }
  split; [exact value|]. rewrite value.
  apply Rmult_le_pos; [|apply Rlt_le, Rinv_0_lt_compat, pos].
  assert (a := kl_nonneg X π' π dist' dist (positive_dominates X π' π full)).
  assert (b := kl_nonneg X π π' dist dist' (positive_dominates X π π' full')). lra.
Qed.

(** Label: thm-rlhf-one-step.
    Covers: steps on a bandit add up.
    Words: a step of size eta1 and then one of size eta2 along the same q are one of eta1 + eta2.
    Narrower: two steps; k steps follow by repeating it. *)
Theorem steps_add : forall {T : Type} (X : list T) (π q : T -> R) (η1 η2 : R) (a : T),
  positive X π -> In a X ->
  step X (step X π q η1) q η2 a = step X π q (η1 + η2) a.
Proof.
  intros T X π q η1 η2 a full inside.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inside).
  assert (same : forall b, In b X ->
    step X π q η1 b = softmax X (fun c => ln (π c) + η1 * q c) b).
  { intros b inside'. apply tilt_softmax; assumption. }
  transitivity (step X (softmax X (fun c => ln (π c) + η1 * q c)) q η2 a).
  - apply tilt_ext; [exact same|reflexivity|exact inside].
  - rewrite step_logits by exact filled. unfold step. rewrite tilt_softmax by assumption.
    f_equal. extensionality b. ring.
Qed.

(** Label: thm-rlhf-one-step.
    Part: one step.
    Covers: the first sentence.
    Words: <p, r> - beta KL(p || ref) is largest at one step of size 1 / beta from ref, and only
    there.
    Narrower: one prompt. *)
Theorem rlhf_one_step : forall {T : Type} (X : list T) (ref r p : T -> R) (β : R),
  positive X ref -> distribution X p -> 0 < β ->
  let best := step X ref r (/ β) in
  mean X p r - β * kl X p ref <= mean X best r - β * kl X best ref
  /\ (mean X p r - β * kl X p ref = mean X best r - β * kl X best ref
      <-> (forall a, In a X -> p a = best a)).
Proof.
  intros T X ref r p β full dist pos best.
  assert (objective : forall p', prox X ref r (/ β) p' = mean X p' r - β * kl X p' ref).
  { intro p'. unfold prox. field. lra. }
  rewrite <- !objective.
  destruct (prox_solution X ref r p (/ β) full dist (Rinv_0_lt_compat β pos)) as [_ solution].
  exact solution.
Qed.

(** Along the step, d/dt E_t f = Cov_t(f, A). *)
Lemma step_mean_derivative : forall {T : Type} (X : list T) (π A f : T -> R) (t : R),
  X <> [] -> positive X π ->
  derivable_pt_lim (fun u => mean X (step X π A u) f) t (cov X (step X π A t) f A).
Proof.
  intros T X π A f t filled full.
  assert (logits : forall u a, In a X ->
    step X π A u a = softmax X (fun b => ln (π b) + u * A b) a).
  { intros u a inside. apply tilt_softmax; assumption. }
  assert (means : forall u g, mean X (softmax X (fun b => ln (π b) + u * A b)) g
    = mean X (step X π A u) g).
  { intros u g. apply sum_ext. intros a inside. rewrite logits; auto. }
  apply derivative_ext with (fun u => mean X (softmax X (fun b => ln (π b) + u * A b)) f).
  { intro u. apply means. }
  eapply derivative_value;
    [|apply (mean_derivative X (fun u b => ln (π b) + u * A b) t A f filled);
      intros a _; apply derivative_line].
  unfold cov. rewrite !means. apply sum_ext. intros a inside. rewrite logits; auto.
Qed.

(** ** The closed form along the step *)

(** Label: cor-closed-form.
    Covers: the two closed forms, and the derivative whose integral the second is.
    Words: with psi(t) = log E_pi e^{tA} and psi' = E_t A: H_t = -E_t log pi - t psi' + psi,
    KL(pi_t || pi) = t psi' - psi, psi' is the derivative of psi, and d/dt KL(pi_t || pi) is
    t Var_t(A).
    Narrower: the integral is left as its derivative, with KL = 0 at t = 0. *)
Theorem closed_form : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  distribution X π -> positive X π ->
  let ψ := log_partition X π A in
  let π_t := step X π A t in
  derivable_pt_lim ψ t (mean X π_t A)
  /\ entropy X π_t = - mean X π_t (fun a => ln (π a)) - t * mean X π_t A + ψ t
  /\ kl X π_t π = t * mean X π_t A - ψ t
  /\ derivable_pt_lim (fun u => kl X (step X π A u) π) t (t * var X π_t A)
  /\ kl X (step X π A 0) π = 0.
Proof.
  intros T X π A t dist full ψ π_t.
  assert (filled := distribution_filled X π (proj2 dist)).
  assert (logits : forall u a, In a X ->
    step X π A u a = softmax X (fun b => ln (π b) + u * A b) a).
  { intros u a inside. apply tilt_softmax; assumption. }
  assert (total : forall u, sum X (step X π A u) = 1).
  { intro u. apply step_distribution; assumption. }
  assert (means : forall u f, mean X (softmax X (fun b => ln (π b) + u * A b)) f
    = mean X (step X π A u) f).
  { intros u f. apply sum_ext. intros a inside. rewrite logits; auto. }
  assert (slope : derivable_pt_lim ψ t (mean X π_t A)).
  { apply derivative_ext with (fun u => logsumexp X (fun b => ln (π b) + u * A b)).
    - intro u. unfold ψ, log_partition, logsumexp, mean. f_equal. apply sum_ext.
      intros a inside. rewrite exp_plus, exp_ln by (apply full; exact inside). reflexivity.
    - unfold π_t. rewrite <- means.
      apply (logsumexp_derivative X (fun u b => ln (π b) + u * A b)); [exact filled|].
      intros a _. apply derivative_line. }
  assert (self : forall u, kl X (step X π A u) (step X π A u) = 0).
  { intro u. apply kl_zero; try (apply step_distribution; assumption); [|reflexivity].
    apply positive_dominates, step_positive, full. }
  assert (divergence : forall u, kl X (step X π A u) π
    = u * mean X (step X π A u) A - log_partition X π A u).
  { intro u. assert (h := kl_difference X π A (step X π A u) u full (total u)).
    rewrite self in h. lra. }
  split; [exact slope|]. split; [|split; [apply divergence|split]].
  - assert (h := divergence t). rewrite kl_split in h. fold π_t in h. fold ψ in h. lra.
  - apply derivative_ext with (fun u => u * mean X (step X π A u) A - ψ u).
    { intro u. symmetry. apply divergence. }
    apply derivative_value with
      ((1 * mean X π_t A + t * var X π_t A) - mean X π_t A); [ring|].
    apply (derivable_pt_lim_minus (fun u => u * mean X (step X π A u) A) ψ); [|exact slope].
    apply (derivable_pt_lim_mult (fun u => u) (fun u => mean X (step X π A u) A)).
    + apply derivable_pt_lim_id.
    + apply step_mean_derivative; assumption.
  - rewrite divergence. unfold log_partition.
    rewrite (mean_ext X π _ (fun _ => 1)) by (intros; rewrite Rmult_0_l; apply exp_0).
    rewrite mean_const, ln_1 by apply dist. ring.
Qed.
