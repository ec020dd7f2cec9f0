(** * Along a step: integrals, the remainder of the first order, rise and fall

    [step X π A t] is pi_t = pi e^{tA} / E_pi e^{tA}. *)

From Proofs Require Export Entropy Gibbs.

Definition along {T : Type} (X : list T) (π A : T -> R) (t : R) : R := entropy X (step X π A t).

Lemma along_derivative : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  X <> [] -> positive X π ->
  derivable_pt_lim (along X π A) t
    (- cov X (step X π A t) (fun a => ln (π a)) A - t * var X (step X π A t) A).
Proof.
  intros T X π A t filled full.
  destruct (path_derivative X π A t filled full) as [slope same].
  eapply derivative_value; [exact same|]. exact slope.
Qed.

Lemma step_0 : forall {T : Type} (X : list T) (π A : T -> R) (a : T),
  sum X π = 1 -> In a X -> step X π A 0 a = π a.
Proof.
  intros T X π A a total inside. unfold step, tilt.
  rewrite (sum_ext X (fun b => π b * exp (0 * A b)) π)
    by (intros; rewrite Rmult_0_l, exp_0; ring).
  rewrite total, Rmult_0_l, exp_0. field.
Qed.

(** ** The step as an integral *)

Lemma derivative_continuous : forall (f f' : R -> R),
  (forall t, derivable_pt_lim f t (f' t)) -> continuity f.
Proof.
  intros f f' moves t. apply derivable_continuous_pt. exists (f' t). apply moves.
Qed.

(** The fundamental theorem of calculus, for a derivative that is continuous. *)
Lemma integral_of_derivative : forall (f f' : R -> R) (a b : R),
  (forall t, derivable_pt_lim f t (f' t)) -> continuity f' ->
  exists integrable : Riemann_integrable f' a b, RiemannInt integrable = f b - f a.
Proof.
  intros f f' a b moves smooth.
  set (diff := fun t => exist _ (f' t) (moves t) : derivable_pt f t).
  assert (same : derive f diff = f').
  { extensionality t. unfold derive. apply derive_pt_eq_0. apply moves. }
  assert (cont : continuity (derive f diff)) by (rewrite same; exact smooth).
  set (c1 := @mkC1 f diff cont).
  assert (integrable : Riemann_integrable (derive c1 (diff0 c1)) a b).
  { destruct (Rle_dec a b) as [le|nle].
    - apply continuity_implies_RiemannInt; [exact le|]. intros t _. apply cont.
    - apply RiemannInt_P1, continuity_implies_RiemannInt; [lra|]. intros t _. apply cont. }
  assert (value := FTC_Riemann c1 integrable).
  change (derive c1 (diff0 c1)) with (derive f diff) in integrable, value.
  change (c1 b - c1 a) with (f b - f a) in value.
  revert integrable value. rewrite same. intros integrable value.
  exists integrable. exact value.
Qed.

Lemma step_mean_continuous : forall {T : Type} (X : list T) (π A f : T -> R),
  X <> [] -> positive X π -> continuity (fun t => mean X (step X π A t) f).
Proof.
  intros T X π A f filled full.
  apply derivative_continuous with (fun t => cov X (step X π A t) f A).
  intro t. apply step_mean_derivative; assumption.
Qed.

Lemma step_cov_continuous : forall {T : Type} (X : list T) (π A f : T -> R),
  X <> [] -> positive X π -> continuity (fun t => cov X (step X π A t) f A).
Proof.
  intros T X π A f filled full.
  assert (split : (fun t => cov X (step X π A t) f A)
    = (fun t => mean X (step X π A t) (fun a => f a * A a)
        - mean X (step X π A t) f * mean X (step X π A t) A)).
  { extensionality t. apply cov_product. apply step_distribution; assumption. }
  rewrite split.
  apply (continuity_minus (fun t => mean X (step X π A t) (fun a => f a * A a))
    (fun t => mean X (step X π A t) f * mean X (step X π A t) A)).
  - apply step_mean_continuous; assumption.
  - apply (continuity_mult (fun t => mean X (step X π A t) f) (fun t => mean X (step X π A t) A));
      apply step_mean_continuous; assumption.
Qed.

Lemma weighted_var_continuous : forall {T : Type} (X : list T) (π A : T -> R),
  X <> [] -> positive X π -> continuity (fun t => t * var X (step X π A t) A).
Proof.
  intros T X π A filled full.
  apply (continuity_mult (fun t => t) (fun t => var X (step X π A t) A)).
  - apply derivable_continuous, derivable_id.
  - apply step_cov_continuous; assumption.
Qed.

(** Label: thm-path-derivative.
    Part: integral.
    Covers: the step as an integral.
    Words: H(pi_eta) - H(pi) is minus the Riemann integral over [0, eta] of Cov_t(log pi_t, A).
    Narrower: nothing. *)
Theorem entropy_step_integral : forall {T : Type} (X : list T) (π A : T -> R) (η : R),
  distribution X π -> positive X π ->
  exists integrable : Riemann_integrable
    (fun t => cov X (step X π A t) (fun a => ln (step X π A t a)) A) 0 η,
  entropy X (step X π A η) - entropy X π = - RiemannInt integrable.
Proof.
  intros T X π A η dist full. assert (filled := distribution_filled X π (proj2 dist)).
  set (slope := fun t => cov X (step X π A t) (fun a => ln (step X π A t a)) A).
  assert (same : slope = fun t => cov X (step X π A t) (fun a => ln (π a)) A
    + t * var X (step X π A t) A).
  { extensionality t. destruct (path_derivative X π A t filled full) as [_ e].
    unfold slope, step in *. lra. }
  destruct (integral_of_derivative (fun t => - along X π A t) slope 0 η) as [integrable value].
  - intro t. rewrite same.
    eapply derivative_value; [|apply derivable_pt_lim_opp, (along_derivative X π A t filled full)].
    ring.
  - rewrite same.
    apply (continuity_plus (fun t => cov X (step X π A t) (fun a => ln (π a)) A)
      (fun t => t * var X (step X π A t) A)).
    + apply step_cov_continuous; assumption.
    + apply weighted_var_continuous; assumption.
  - exists integrable. rewrite value. unfold along.
    rewrite (entropy_ext X (step X π A 0) π)
      by (intros; apply step_0; [apply dist|assumption]). ring.
Qed.

(** Label: thm-exact-identity, cor-closed-form.
    Covers: the two terms as integrals along the step.
    Words: (E_eta - E_pi) log pi is the integral of Cov_t(log pi, A) over [0, eta], and
    KL(pi_eta || pi) is the integral of t Var_t(A).
    Narrower: nothing. *)
Theorem exact_identity_integrals : forall {T : Type} (X : list T) (π A : T -> R) (η : R),
  distribution X π -> positive X π ->
  (exists integrable : Riemann_integrable
      (fun t => cov X (step X π A t) (fun a => ln (π a)) A) 0 η,
    mean X (step X π A η) (fun a => ln (π a)) - mean X π (fun a => ln (π a))
    = RiemannInt integrable)
  /\ (exists integrable : Riemann_integrable (fun t => t * var X (step X π A t) A) 0 η,
    kl X (step X π A η) π = RiemannInt integrable).
Proof.
  intros T X π A η dist full. assert (filled := distribution_filled X π (proj2 dist)). split.
  - destruct (integral_of_derivative (fun t => mean X (step X π A t) (fun a => ln (π a)))
      (fun t => cov X (step X π A t) (fun a => ln (π a)) A) 0 η) as [integrable value].
    + intro t. apply step_mean_derivative; assumption.
    + apply step_cov_continuous; assumption.
    + exists integrable. rewrite value. f_equal. apply sum_ext. intros a inside.
      rewrite step_0 by (try apply dist; assumption). reflexivity.
  - destruct (integral_of_derivative (fun t => kl X (step X π A t) π)
      (fun t => t * var X (step X π A t) A) 0 η) as [integrable value].
    + intro t. apply (closed_form X π A t dist full).
    + apply weighted_var_continuous; assumption.
    + exists integrable. rewrite value.
      destruct (closed_form X π A 0 dist full) as [_ [_ [_ [_ zero]]]]. rewrite zero. ring.
Qed.

(** ** The second derivative, and the remainder of the first order *)

(** d/dt Cov_t(f, A) = E_t[(f - E_t f)(A - E_t A)^2] *)
Lemma step_cov_derivative : forall {T : Type} (X : list T) (π A f : T -> R) (t : R),
  X <> [] -> positive X π ->
  let π_t := step X π A t in
  derivable_pt_lim (fun u => cov X (step X π A u) f A) t
    (mean X π_t (fun a => (f a - mean X π_t f) * (A a - mean X π_t A) ^ 2)).
Proof.
  intros T X π A f t filled full π_t.
  assert (total : forall u, sum X (step X π A u) = 1).
  { intro u. apply step_distribution; assumption. }
  apply derivative_ext with (fun u => mean X (step X π A u) (fun a => f a * A a)
    - mean X (step X π A u) f * mean X (step X π A u) A).
  { intro u. symmetry. apply cov_product, total. }
  apply derivative_value with (cov X π_t (fun a => f a * A a) A
    - (cov X π_t f A * mean X π_t A + mean X π_t f * cov X π_t A A)).
  - rewrite !cov_product by apply total. set (m := mean X π_t A). set (k := mean X π_t f).
    rewrite (mean_ext X π_t (fun a => (f a - k) * (A a - m) ^ 2)
      (fun a => f a * A a * A a - 2 * m * (f a * A a) + m * m * f a
        - (k * (A a * A a) - 2 * k * m * A a + k * m * m))) by (intros; ring).
    rewrite !mean_minus, !mean_plus, !mean_minus, !mean_scal, mean_const by apply total.
    fold k m. ring.
  - apply (derivable_pt_lim_minus (fun u => mean X (step X π A u) (fun a => f a * A a))
      (fun u => mean X (step X π A u) f * mean X (step X π A u) A)).
    + apply step_mean_derivative; assumption.
    + apply (derivable_pt_lim_mult (fun u => mean X (step X π A u) f)
        (fun u => mean X (step X π A u) A)); apply step_mean_derivative; assumption.
Qed.

(** The first derivative of the entropy along the step, as a function. *)
Definition slope {T : Type} (X : list T) (π A : T -> R) (t : R) : R :=
  - cov X (step X π A t) (fun a => ln (π a)) A - t * var X (step X π A t) A.

(** -E_t[(A - E_t A)^2 (1 + log pi_t + H_t)] *)
Definition curvature {T : Type} (X : list T) (π A : T -> R) (t : R) : R :=
  - mean X (step X π A t) (fun a => (A a - mean X (step X π A t) A) ^ 2
      * (1 + ln (step X π A t a) + entropy X (step X π A t))).

(** Label: prop-remainder-bound.
    Part: second derivative.
    Covers: the formula for the second derivative.
    Words: the derivative of dH/dt = -Cov_t(log pi, A) - t Var_t(A) is
    -E_t[(A - E_t A)^2 (1 + log pi_t + H_t)].
    Narrower: nothing. *)
Theorem second_derivative : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  X <> [] -> positive X π ->
  derivable_pt_lim (along X π A) t (slope X π A t)
  /\ derivable_pt_lim (slope X π A) t (curvature X π A t).
Proof.
  intros T X π A t filled full. split; [apply along_derivative; assumption|].
  set (π_t := step X π A t).
  assert (total : sum X π_t = 1) by (apply step_distribution; assumption).
  set (m := mean X π_t A). set (k := mean X π_t (fun a => ln (π a))).
  apply derivative_value with
    (- mean X π_t (fun a => (ln (π a) - k) * (A a - m) ^ 2)
     - (1 * var X π_t A + t * mean X π_t (fun a => (A a - m) * (A a - m) ^ 2))).
  - unfold curvature. fold π_t m.
    assert (level : entropy X π_t = - k - t * m + log_partition X π A t).
    { assert (split := kl_split X π_t π_t).
      assert (self : kl X π_t π_t = 0) by (apply sum_zero; intros; ring).
      rewrite (mean_ext X π_t (fun a => ln (π_t a))
        (fun a => ln (π a) + t * A a - log_partition X π A t)) in split
        by (intros; apply ln_step; assumption).
      rewrite mean_minus, mean_plus, mean_scal, mean_const in split by exact total.
      unfold k, m. lra. }
    rewrite (mean_ext X π_t (fun a => (A a - m) ^ 2 * (1 + ln (π_t a) + entropy X π_t))
      (fun a => (A a - m) * (A a - m) + (ln (π a) - k) * (A a - m) ^ 2
        + t * ((A a - m) * (A a - m) ^ 2))).
    + rewrite !mean_plus, mean_scal. unfold var, cov. fold m. unfold mean. ring.
    + intros a inside. unfold π_t at 1. rewrite ln_step, level by assumption. ring.
  - unfold slope.
    apply (derivable_pt_lim_minus (fun u => - cov X (step X π A u) (fun a => ln (π a)) A)
      (fun u => u * var X (step X π A u) A)).
    + apply (derivable_pt_lim_opp (fun u => cov X (step X π A u) (fun a => ln (π a)) A)).
      apply step_cov_derivative; assumption.
    + apply (derivable_pt_lim_mult (fun u => u) (fun u => var X (step X π A u) A)).
      * apply derivable_pt_lim_id.
      * apply (step_cov_derivative X π A A t filled full).
Qed.

(** Var <= D^2 / 4 for values in an interval of length D *)
Lemma var_bound : forall {T : Type} (X : list T) (p A : T -> R) (lo hi : R),
  distribution X p -> (forall a, In a X -> lo <= A a <= hi) ->
  var X p A <= (hi - lo) ^ 2 / 4.
Proof.
  intros T X p A lo hi [nonneg total] range. unfold var. rewrite cov_product by exact total.
  set (m := mean X p A).
  assert (inner : 0 <= mean X p (fun a => (A a - lo) * (hi - A a))).
  { apply sum_nonneg. intros a inside. specialize (range a inside).
    apply Rmult_le_pos; [apply nonneg, inside|apply Rmult_le_pos; lra]. }
  rewrite (mean_ext X p _ (fun a => (lo + hi) * A a - A a * A a - lo * hi)) in inner
    by (intros; ring).
  rewrite !mean_minus, mean_scal, mean_const in inner by exact total. fold m in inner.
  assert (square := Rle_0_sqr (m - (lo + hi) / 2)). unfold Rsqr in square. nra.
Qed.

Lemma mean_bounds : forall {T : Type} (X : list T) (p A : T -> R) (lo hi : R),
  distribution X p -> (forall a, In a X -> lo <= A a <= hi) -> lo <= mean X p A <= hi.
Proof.
  intros T X p A lo hi [nonneg total] range.
  rewrite <- (mean_const X p lo total) at 1. rewrite <- (mean_const X p hi total).
  split; apply sum_le; intros a inside; specialize (range a inside);
    apply Rmult_le_compat_l; try apply nonneg; tauto.
Qed.

(** Label: prop-remainder-bound.
    Part: interval.
    Covers: the interval of the second derivative.
    Words: -(1 + H_t) D^2 / 4 <= d^2 H / dt^2 <= H_t D^2, D the length of an interval that holds A.
    Narrower: nothing (the shortest interval has the length osc A). *)
Theorem curvature_range : forall {T : Type} (X : list T) (π A : T -> R) (lo hi t : R),
  X <> [] -> positive X π -> (forall a, In a X -> lo <= A a <= hi) ->
  - (1 + entropy X (step X π A t)) * (hi - lo) ^ 2 / 4 <= curvature X π A t
  <= entropy X (step X π A t) * (hi - lo) ^ 2.
Proof.
  intros T X π A lo hi t filled full range. unfold curvature. set (π_t := step X π A t).
  assert (dist : distribution X π_t) by (apply step_distribution; assumption).
  set (m := mean X π_t A). set (E := entropy X π_t).
  assert (rangeE := entropy_range X π_t dist). fold E in rangeE.
  assert (variance := var_bound X π_t A lo hi dist range).
  assert (nonneg := var_nonneg X π_t A (proj1 dist)).
  assert (split : mean X π_t (fun a => (A a - m) ^ 2 * (1 + ln (π_t a) + E))
    = (1 + E) * var X π_t A - ∑ a ∈ X, (A a - m) ^ 2 * - (π_t a * ln (π_t a))).
  { unfold var, cov, mean at 1. fold m. rewrite <- sum_scal, <- sum_minus.
    apply sum_ext. intros. ring. }
  assert (lower : 0 <= ∑ a ∈ X, (A a - m) ^ 2 * - (π_t a * ln (π_t a))).
  { apply sum_nonneg. intros a inside. apply Rmult_le_pos; [apply pow2_ge_0|].
    apply entropy_term_nonneg. split; [apply dist, inside|].
    apply (distribution_le_1 X π_t dist a inside). }
  assert (upper : ∑ a ∈ X, (A a - m) ^ 2 * - (π_t a * ln (π_t a)) <= (hi - lo) ^ 2 * E).
  { unfold E, entropy. rewrite <- sum_opp, <- sum_scal. apply sum_le. intros a inside.
    assert (term : 0 <= - (π_t a * ln (π_t a))).
    { apply entropy_term_nonneg. split; [apply dist, inside|].
      apply (distribution_le_1 X π_t dist a inside). }
    apply Rmult_le_compat_r; [exact term|].
    assert (here := range a inside). assert (mid := mean_bounds X π_t A lo hi dist range).
    fold m in mid. nra. }
  rewrite split. split; nra.
Qed.

(** Taylor's remainder of second order from a bound of the second derivative. *)
Lemma taylor_bound : forall (f f' f'' : R -> R) (K η : R),
  (forall t, derivable_pt_lim f t (f' t)) -> (forall t, derivable_pt_lim f' t (f'' t)) ->
  (forall t, f'' t <= K) -> 0 <= η ->
  f η - f 0 - η * f' 0 <= K * η ^ 2 / 2.
Proof.
  intros f f' f'' K η first second below nonneg.
  destruct (Req_dec η 0) as [zero|nonzero]; [subst η; lra|].
  assert (slope_bound : forall t, 0 < t -> f' t - f' 0 <= K * t).
  { intros t pos. destruct (MVT_cor2 f' f'' 0 t pos (fun c _ => second c)) as [c [e _]].
    specialize (below c). rewrite e. nra. }
  assert (moves : forall c, 0 <= c <= η -> derivable_pt_lim
    (fun u => f u - u * f' 0 - K / 2 * (u * u)) c (f' c - f' 0 - K * c)).
  { intros c _. apply derivative_value with
      (f' c - (1 * f' 0 + c * 0) - (0 * (c * c) + K / 2 * (1 * c + c * 1))); [field|].
    apply (derivable_pt_lim_minus (fun u => f u - u * f' 0) (fun u => K / 2 * (u * u))).
    - apply (derivable_pt_lim_minus f (fun u => u * f' 0)); [apply first|].
      apply (derivable_pt_lim_mult (fun u => u) (fun _ => f' 0));
        [apply derivable_pt_lim_id|apply derivable_pt_lim_const].
    - apply (derivable_pt_lim_mult (fun _ => K / 2) (fun u => u * u));
        [apply derivable_pt_lim_const|].
      apply (derivable_pt_lim_mult (fun u => u) (fun u => u)); apply derivable_pt_lim_id. }
  assert (pos : 0 < η) by lra.
  destruct (MVT_cor2 (fun u => f u - u * f' 0 - K / 2 * (u * u))
    (fun c => f' c - f' 0 - K * c) 0 η pos moves) as [c [e [left _]]].
  specialize (slope_bound c left). nra.
Qed.

Lemma ln2_third : 1 / 3 < ln 2.
Proof.
  assert (h : ln (/ 2) < - / 3); [|rewrite ln_Rinv in h by lra; lra].
  assert (t := ln_tangent (/ 2) ltac:(lra)). lra.
Qed.

(** Label: prop-remainder-bound.
    Part: remainder.
    Covers: the first inequality of the bound on the step.
    Words: |H(pi_eta) - H(pi) + eta Cov_pi(log pi, A)| <= eta^2 D^2 log(n) / 2 for n >= 2, D the
    length of an interval that holds A.
    Narrower: nothing (eta >= 0; the shortest interval has the length osc A). *)
Theorem remainder_bound : forall {T : Type} (X : list T) (π A : T -> R) (lo hi η : R),
  distribution X π -> positive X π -> (2 <= length X)%nat -> 0 <= η ->
  (forall a, In a X -> lo <= A a <= hi) ->
  Rabs (entropy X (step X π A η) - entropy X π + η * cov X π (fun a => ln (π a)) A)
  <= η ^ 2 * (hi - lo) ^ 2 * ln (INR (length X)) / 2.
Proof.
  intros T X π A lo hi η dist full many nonneg range.
  assert (filled := distribution_filled X π (proj2 dist)).
  set (L := ln (INR (length X))). set (D2 := (hi - lo) ^ 2).
  assert (posD : 0 <= D2) by apply pow2_ge_0.
  assert (big : 1 / 3 < L).
  { apply Rlt_le_trans with (ln 2); [exact ln2_third|].
    assert (two : 2 <= INR (length X)) by (apply (le_INR 2); exact many).
    destruct (Req_dec 2 (INR (length X))) as [e|n]; [unfold L; rewrite <- e; lra|].
    apply Rlt_le, ln_increasing; lra. }
  assert (bounds : forall t, - (D2 * L) <= curvature X π A t <= D2 * L).
  { intro t. assert (both := curvature_range X π A lo hi t filled full range).
    assert (level := entropy_range X (step X π A t)
      (step_distribution X π A t filled full)). fold L in level. fold D2 in both.
    set (E := entropy X (step X π A t)) in *. split.
    - apply Rle_trans with (- (1 + E) * D2 / 4); [nra|lra].
    - apply Rle_trans with (E * D2); [lra|nra]. }
  assert (start : forall a, In a X -> step X π A 0 a = π a).
  { intros a inside. apply step_0; [apply dist|exact inside]. }
  assert (value0 : along X π A 0 = entropy X π) by (apply entropy_ext, start).
  assert (slope0 : slope X π A 0 = - cov X π (fun a => ln (π a)) A).
  { unfold slope. rewrite Rmult_0_l, Rminus_0_r. f_equal. apply cov_law, start. }
  assert (derivatives := fun t => second_derivative X π A t filled full).
  assert (above := taylor_bound (along X π A) (slope X π A) (curvature X π A) (D2 * L) η
    (fun t => proj1 (derivatives t)) (fun t => proj2 (derivatives t))
    (fun t => proj2 (bounds t)) nonneg).
  assert (below := taylor_bound (fun t => - along X π A t) (fun t => - slope X π A t)
    (fun t => - curvature X π A t) (D2 * L) η
    (fun t => derivable_pt_lim_opp _ _ _ (proj1 (derivatives t)))
    (fun t => derivable_pt_lim_opp _ _ _ (proj2 (derivatives t)))
    (fun t => ltac:(destruct (bounds t); lra)) nonneg).
  cbv beta in above, below. rewrite slope0, value0 in above, below. unfold along in above, below.
  apply Rabs_le. split; lra.
Qed.
