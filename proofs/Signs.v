(** * When entropy falls, when it rises *)

From Proofs Require Export Steps.

(** ** The first order of a step *)

Lemma Rabs_within : forall x M : R, Rabs x <= M -> - M <= x <= M.
Proof. intros x M. unfold Rabs. destruct (Rcase_abs x); lra. Qed.

(** Label: prop-first-order.
    Part: remainder.
    Covers: the whole statement, in one state, for any direction A.
    Words: H(pi_eta) - H(pi) = -eta Cov_pi(log pi, A) + O(eta^2) as eta falls to 0.
    Narrower: one state; the book says it in every state at once. *)
Theorem first_order : forall {T : Type} (X : list T) (π A : T -> R),
  distribution X π -> positive X π -> (2 <= length X)%nat ->
  exists C : R, forall η : R, 0 <= η ->
  Rabs (entropy X (step X π A η) - entropy X π - - η * cov X π (fun a => ln (π a)) A)
  <= C * η ^ 2.
Proof.
  intros T X π A dist full many.
  set (M := ∑ a ∈ X, Rabs (A a)).
  assert (range : forall a, In a X -> - M <= A a <= M).
  { intros a inside. apply Rabs_within.
    apply (sum_term_le X (fun b => Rabs (A b)) (fun b _ => Rabs_pos (A b)) a inside). }
  exists ((M - - M) ^ 2 * ln (INR (length X)) / 2). intros η nonneg.
  assert (bound := remainder_bound X π A (- M) M η dist full many nonneg range).
  replace (entropy X (step X π A η) - entropy X π - - η * cov X π (fun a => ln (π a)) A)
    with (entropy X (step X π A η) - entropy X π + η * cov X π (fun a => ln (π a)) A) by ring.
  lra.
Qed.

(** Label: prop-remainder-bound.
    Part: norm.
    Covers: the last inequality of the bound on the step.
    Words: |H(pi_eta) - H(pi) + eta Cov_pi(log pi, A)| <= 2 eta^2 M^2 log n where |A| <= M.
    Narrower: nothing. *)
Theorem remainder_bound_norm : forall {T : Type} (X : list T) (π A : T -> R) (M η : R),
  distribution X π -> positive X π -> (2 <= length X)%nat -> 0 <= η ->
  (forall a, In a X -> Rabs (A a) <= M) ->
  Rabs (entropy X (step X π A η) - entropy X π + η * cov X π (fun a => ln (π a)) A)
  <= 2 * η ^ 2 * M ^ 2 * ln (INR (length X)).
Proof.
  intros T X π A M η dist full many nonneg range.
  assert (bound := remainder_bound X π A (- M) M η dist full many nonneg
    (fun a inside => Rabs_within (A a) M (range a inside))). nra.
Qed.

(** Label: cor-sign-certificate.
    Part: whole.
    Covers: the whole statement.
    Words: if 0 < eta < 2 |Cov| / (D^2 log n), then the change of entropy has the sign opposite to
    that of Cov_pi(log pi, A): their product is negative.
    Narrower: nothing (n >= 2 is said, where the book has it from D > 0). *)
Theorem sign_certificate : forall {T : Type} (X : list T) (π A : T -> R) (lo hi η : R),
  distribution X π -> positive X π -> (2 <= length X)%nat ->
  (forall a, In a X -> lo <= A a <= hi) -> lo < hi ->
  let C := cov X π (fun a => ln (π a)) A in
  0 < η -> η < 2 * Rabs C / ((hi - lo) ^ 2 * ln (INR (length X))) ->
  (entropy X (step X π A η) - entropy X π) * C < 0.
Proof.
  intros T X π A lo hi η dist full many range spread C pos small.
  assert (bound := remainder_bound X π A lo hi η dist full many (Rlt_le 0 η pos) range).
  fold C in bound. set (L := ln (INR (length X))) in *.
  assert (posL : 0 < L).
  { unfold L. rewrite <- ln_1. apply ln_increasing; [lra|]. apply (lt_INR 1). lia. }
  assert (posD : 0 < (hi - lo) ^ 2 * L).
  { apply Rmult_lt_0_compat; [apply pow_lt; lra|exact posL]. }
  assert (less : η * ((hi - lo) ^ 2 * L) < 2 * Rabs C).
  { apply Rmult_lt_reg_r with (/ ((hi - lo) ^ 2 * L)); [apply Rinv_0_lt_compat, posD|].
    rewrite Rmult_assoc, Rinv_r, Rmult_1_r by lra. exact small. }
  set (change := entropy X (step X π A η) - entropy X π) in *.
  assert (within : Rabs (change + η * C) < η * Rabs C) by nra.
  destruct (Rle_dec 0 C) as [up|down].
  - rewrite (Rabs_right C) in * by lra. apply Rabs_def2 in within.
    assert (0 < C) by (destruct (Req_dec C 0); nra). nra.
  - rewrite (Rabs_left C) in * by lra. apply Rabs_def2 in within. nra.
Qed.

(** ** Pairs of actions *)

(** Label: lem-pair-covariance.
    Part: whole.
    Covers: the whole equation.
    Words: Cov_p(f, g) is half the sum over pairs of p(a) p(b) (f(a) - f(b)) (g(a) - g(b)).
    Narrower: nothing. *)
Theorem pair_covariance : forall {T : Type} (X : list T) (p f g : T -> R),
  sum X p = 1 ->
  cov X p f g
  = / 2 * (∑ a ∈ X, ∑ b ∈ X, p a * p b * ((f a - f b) * (g a - g b))).
Proof.
  intros T X p f g total. rewrite cov_product by exact total.
  rewrite (sum_ext X (fun a => ∑ b ∈ X, p a * p b * ((f a - f b) * (g a - g b)))
    (fun a => p a * (f a * g a) - p a * f a * mean X p g - p a * g a * mean X p f
      + p a * mean X p (fun b => f b * g b))).
  - rewrite sum_plus, !sum_minus, !sum_scal_r, total.
    change (∑ a ∈ X, p a * f a) with (mean X p f).
    change (∑ a ∈ X, p a * g a) with (mean X p g).
    change (∑ a ∈ X, p a * (f a * g a)) with (mean X p (fun a => f a * g a)). field.
  - intros a _. rewrite (sum_ext X _ (fun b => p a * (f a * g a) * p b - p a * f a * (p b * g b)
      - p a * g a * (p b * f b) + p a * (p b * (f b * g b)))) by (intros; ring).
    rewrite sum_plus, !sum_minus, !sum_scal, total. unfold mean. ring.
Qed.

Lemma association : forall {T : Type} (X : list T) (p f g : T -> R),
  distribution X p -> (forall a b, In a X -> In b X -> 0 <= (f a - f b) * (g a - g b)) ->
  0 <= cov X p f g.
Proof.
  intros T X p f g [nonneg total] together. rewrite pair_covariance by exact total.
  apply Rmult_le_pos; [lra|]. apply sum_nonneg. intros a inA. apply sum_nonneg. intros b inB.
  apply Rmult_le_pos; [apply Rmult_le_pos; apply nonneg; assumption|apply together; assumption].
Qed.

Lemma association_strict : forall {T : Type} (X : list T) (p f g : T -> R) (a b : T),
  distribution X p -> positive X p ->
  (forall a b, In a X -> In b X -> 0 <= (f a - f b) * (g a - g b)) ->
  In a X -> In b X -> 0 < (f a - f b) * (g a - g b) -> 0 < cov X p f g.
Proof.
  intros T X p f g a b [nonneg total] full together inA inB apart.
  destruct (Req_dec (cov X p f g) 0) as [zero|nonzero].
  2: { assert (h := association X p f g (conj nonneg total) together). lra. }
  exfalso. rewrite pair_covariance in zero by exact total.
  assert (terms : forall a b, In a X -> In b X ->
    0 <= p a * p b * ((f a - f b) * (g a - g b))).
  { intros x y inX inY. apply Rmult_le_pos; [|apply together; assumption].
    apply Rmult_le_pos; apply nonneg; assumption. }
  assert (row : ∑ b ∈ X, p a * p b * ((f a - f b) * (g a - g b)) = 0).
  { apply (sum_nonneg_zero X (fun a => ∑ b ∈ X, p a * p b * ((f a - f b) * (g a - g b))));
      [|lra|exact inA].
    intros x inX. apply sum_nonneg. intros y inY. apply terms; assumption. }
  assert (term : p a * p b * ((f a - f b) * (g a - g b)) = 0).
  { apply (sum_nonneg_zero X (fun b => p a * p b * ((f a - f b) * (g a - g b))));
      [intros y inY; apply terms; assumption|exact row|exact inB]. }
  assert (posA := full a inA). assert (posB := full b inB).
  assert (0 < p a * p b) by (apply Rmult_lt_0_compat; assumption). nra.
Qed.

(** Label: prop-conclusions.
    Part: likely.
    Covers: (1), likely actions favoured.
    Words: if of any two actions the likelier has at least the advantage of the other, and for some
    pair of unlike probabilities more, then Cov_pi(log pi, A) > 0.
    Narrower: nothing. *)
Theorem likely_favoured : forall {T : Type} (X : list T) (π A : T -> R) (a b : T),
  distribution X π -> positive X π ->
  (forall a b, In a X -> In b X -> π b < π a -> A b <= A a) ->
  In a X -> In b X -> π b < π a -> A b < A a ->
  0 < cov X π (fun a => ln (π a)) A.
Proof.
  intros T X π A a b dist full order inA inB likelier more.
  apply association_strict with a b; try assumption.
  - intros x y inX inY. assert (posx := full x inX). assert (posy := full y inY).
    destruct (Rtotal_order (π x) (π y)) as [less|[same|greater]].
    + assert (logs := ln_increasing (π x) (π y) posx less).
      assert (gains := order y x inY inX less). nra.
    + rewrite same. lra.
    + assert (logs := ln_increasing (π y) (π x) posy greater).
      assert (gains := order x y inX inY greater). nra.
  - assert (logs := ln_increasing (π b) (π a) (full b inB) likelier). nra.
Qed.

Lemma cov_opp : forall {T : Type} (X : list T) (p f g : T -> R),
  cov X p f (fun a => - g a) = - cov X p f g.
Proof.
  intros T X p f g. rewrite cov_sym.
  rewrite (cov_ext X p (fun a => - g a) (fun a => -1 * g a) f f) by (intros; ring).
  rewrite cov_scal, cov_sym. ring.
Qed.

(** Label: prop-conclusions.
    Part: unlikely.
    Covers: (2), unlikely actions favoured.
    Words: if of any two actions the likelier has at most the advantage of the other, and for some
    pair of unlike probabilities less, then Cov_pi(log pi, A) < 0.
    Narrower: nothing. *)
Theorem unlikely_favoured : forall {T : Type} (X : list T) (π A : T -> R) (a b : T),
  distribution X π -> positive X π ->
  (forall a b, In a X -> In b X -> π b < π a -> A a <= A b) ->
  In a X -> In b X -> π b < π a -> A a < A b ->
  cov X π (fun a => ln (π a)) A < 0.
Proof.
  intros T X π A a b dist full order inA inB likelier less.
  assert (opposite := likely_favoured X π (fun a => - A a) a b dist full
    (fun a b inA inB h => Ropp_le_contravar _ _ (order a b inA inB h)) inA inB likelier
    ltac:(lra)).
  rewrite cov_opp in opposite. lra.
Qed.

(** ** The share of one action *)

(** Label: prop-action-contribution.
    Part: contributions.
    Covers: (ii), all of it.
    Words: the contributions -eta pi(a) ell(a) A(a) add up to -eta Cov_pi(log pi, A); for A(a) > 0
    one is positive if and only if pi(a) < e^{-h}, for A(a) < 0 if and only if pi(a) > e^{-h}.
    Narrower: nothing. *)
Theorem action_contribution : forall {T : Type} (X : list T) (π A : T -> R) (η : R),
  distribution X π -> positive X π -> 0 < η ->
  ∑ a ∈ X, - η * π a * centred_log X π a * A a = - η * cov X π (fun a => ln (π a)) A
  /\ (forall a, In a X -> 0 < A a ->
      (0 < - η * π a * centred_log X π a * A a <-> π a < exp (- entropy X π)))
  /\ (forall a, In a X -> A a < 0 ->
      (0 < - η * π a * centred_log X π a * A a <-> exp (- entropy X π) < π a)).
Proof.
  intros T X π A η dist full pos. split; [|split].
  - rewrite cov_centred by apply dist. rewrite <- sum_scal. apply sum_ext. intros a _.
    unfold centred_log, entropy, mean. ring.
  - intros a inside gain. assert (posa := full a inside).
    assert (weight : 0 < η * π a * A a) by (repeat apply Rmult_lt_0_compat; assumption).
    replace (- η * π a * centred_log X π a * A a)
      with (η * π a * A a * - centred_log X π a) by ring.
    unfold centred_log. split; intro h.
    + apply ln_lt_inv; [exact posa|apply exp_pos|]. rewrite ln_exp. nra.
    + apply ln_increasing in h; [|exact posa]. rewrite ln_exp in h.
      apply Rmult_lt_0_compat; lra.
  - intros a inside loss. assert (posa := full a inside).
    assert (weight : 0 < η * π a * - A a) by (repeat apply Rmult_lt_0_compat; lra).
    replace (- η * π a * centred_log X π a * A a)
      with (η * π a * - A a * centred_log X π a) by ring.
    unfold centred_log. split; intro h.
    + apply ln_lt_inv; [apply exp_pos|exact posa|]. rewrite ln_exp. nra.
    + apply ln_increasing in h; [|apply exp_pos]. rewrite ln_exp in h.
      apply Rmult_lt_0_compat; lra.
Qed.

(** Label: prop-action-contribution.
    Part: threshold.
    Covers: (iii).
    Words: 1/n <= e^{-h} <= max pi: some action has at least the probability e^{-h}.
    Narrower: nothing. *)
Theorem threshold_range : forall {T : Type} (X : list T) (π : T -> R),
  distribution X π -> positive X π ->
  / INR (length X) <= exp (- entropy X π)
  /\ exists b, In b X /\ exp (- entropy X π) <= π b.
Proof.
  intros T X π dist full. assert (filled := distribution_filled X π (proj2 dist)).
  assert (size := length_pos X filled). split.
  - assert (range := entropy_range X π dist).
    rewrite <- (exp_ln (/ INR (length X))) by (apply Rinv_0_lt_compat, size).
    rewrite ln_Rinv by exact size.
    destruct (Req_dec (- ln (INR (length X))) (- entropy X π)) as [e|n]; [rewrite e; lra|].
    apply Rlt_le, exp_increasing. lra.
  - destruct (Exists_dec (fun b => exp (- entropy X π) <= π b) X
      (fun b => Rle_dec (exp (- entropy X π)) (π b))) as [some|none].
    + apply Exists_exists in some. exact some.
    + exfalso. assert (below : forall b, In b X -> ln (π b) < - entropy X π).
      { intros b inside. rewrite <- (ln_exp (- entropy X π)). apply ln_increasing.
        - apply full, inside.
        - apply Rnot_le_lt. intro h. apply none. apply Exists_exists. exists b. auto. }
      assert (mean X π (fun b => - entropy X π - ln (π b)) = 0).
      { rewrite mean_minus, mean_const by apply dist. unfold mean, entropy. ring. }
      assert (0 < mean X π (fun b => - entropy X π - ln (π b))); [|lra].
      apply sum_pos; [exact filled|]. intros b inside. specialize (below b inside).
      apply Rmult_lt_0_compat; [apply full, inside|lra].
Qed.

(** ** Along the whole step *)

Lemma var_positive : forall {T : Type} (X : list T) (p A : T -> R) (a b : T),
  distribution X p -> positive X p -> In a X -> In b X -> A a <> A b -> 0 < var X p A.
Proof.
  intros T X p A a b dist full inA inB apart. apply association_strict with a b; try assumption.
  - intros x y _ _. apply Rle_0_sqr.
  - apply Rsqr_pos_lt. lra.
Qed.

(** Label: prop-beta-criterion.
    Part: whole.
    Covers: the whole statement.
    Words: for A not constant and beta_t = Cov_t(log pi, A) / Var_t(A),
    dH/dt = -(t + beta_t) Var_t(A), which is positive if and only if beta_t < -t.
    Narrower: nothing. *)
Theorem beta_criterion : forall {T : Type} (X : list T) (π A : T -> R) (t : R) (a b : T),
  positive X π -> In a X -> In b X -> A a <> A b ->
  let π_t := step X π A t in
  let β := cov X π_t (fun c => ln (π c)) A / var X π_t A in
  derivable_pt_lim (along X π A) t (- (t + β) * var X π_t A)
  /\ (0 < - (t + β) * var X π_t A <-> β < - t).
Proof.
  intros T X π A t a b full inA inB apart π_t β.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inA).
  assert (pos : 0 < var X π_t A).
  { apply var_positive with a b; try assumption;
      [apply step_distribution; assumption|apply step_positive, full]. }
  split.
  - eapply derivative_value; [|apply along_derivative; assumption]. unfold β, π_t. field.
    unfold π_t in pos. lra.
  - split; intro h; nra.
Qed.

(** Label: thm-law-slope.
    Part: entropy.
    Covers: the two derivatives.
    Words: along pi_t = pi_0 e^{tr} / Z, with beta_t = Cov_t(log pi_0, r) / Var_t(r):
    dR/dt = Var_t(r) and dH/dt = -(t + beta_t) Var_t(r).
    Narrower: the slope dR/dH and the uniform start are read off from the two. *)
Theorem law_slope : forall {T : Type} (X : list T) (π r : T -> R) (t : R) (a b : T),
  positive X π -> In a X -> In b X -> r a <> r b ->
  let π_t := step X π r t in
  let β := cov X π_t (fun c => ln (π c)) r / var X π_t r in
  derivable_pt_lim (fun u => mean X (step X π r u) r) t (var X π_t r)
  /\ derivable_pt_lim (along X π r) t (- (t + β) * var X π_t r).
Proof.
  intros T X π r t a b full inA inB apart π_t β.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inA). split.
  - apply step_mean_derivative; assumption.
  - apply (beta_criterion X π r t a b); assumption.
Qed.

(** Label: prop-rise.
    Part: criterion.
    Covers: (i).
    Words: entropy rises over a step if and only if (E_pi - E_pi')[log pi] > KL(pi' || pi).
    Wider: between any two distributions. *)
Theorem rise_iff : forall {T : Type} (X : list T) (π π' : T -> R),
  0 < entropy X π' - entropy X π
  <-> kl X π' π < mean X π (fun a => ln (π a)) - mean X π' (fun a => ln (π a)).
Proof. intros T X π π'. rewrite exact_identity. split; lra. Qed.

(** Label: prop-rise.
    Part: uniform.
    Covers: (iii), the uniform start.
    Words: from the uniform policy H(pi_eta) - H(pi) = -KL(pi_eta || pi) <= 0, and for eta > 0 it
    is 0 only if A is constant.
    Narrower: nothing. *)
Theorem uniform_start : forall {T : Type} (X : list T) (A : T -> R) (η : R),
  X <> [] -> 0 < η ->
  let u := uniform X in
  let change := entropy X (step X u A η) - entropy X u in
  change = - kl X (step X u A η) u /\ change <= 0
  /\ (change = 0 -> forall a b, In a X -> In b X -> A a = A b).
Proof.
  intros T X A η filled pos u change. destruct (uniform_distribution X filled) as [dist full].
  fold u in dist, full. assert (dist' := step_distribution X u A η filled full).
  assert (dom := positive_dominates X (step X u A η) u full).
  assert (value : change = - kl X (step X u A η) u).
  { unfold change. rewrite !entropy_uniform by (try apply dist; apply dist'). fold u.
    assert (self : kl X u u = 0) by (apply sum_zero; intros; ring). rewrite self. ring. }
  split; [exact value|]. split.
  - assert (h := kl_nonneg X _ _ dist' dist dom). lra.
  - intros zero a b inA inB.
    assert (same : forall c, In c X -> step X u A η c = u c).
    { apply kl_zero; [exact dist'|exact dist|exact dom|lra]. }
    assert (la := ln_step X u A η a full inA). assert (lb := ln_step X u A η b full inB).
    rewrite same in la, lb by assumption.
    assert (e : η * A a = η * A b) by lra. apply Rmult_eq_reg_l in e; [exact e|lra].
Qed.

(** Label: prop-rise.
    Covers: (iv), its first sentence.
    Words: if (log pi(a) - log pi(b)) (A(a) - A(b)) >= 0 for all pairs, then dH/dt <= -t Var_t(A) at
    every t, and this is negative for t > 0 if A is not constant.
    Narrower: the sentence on bandits is left out. *)
Theorem comonotone_start : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  X <> [] -> positive X π ->
  (forall a b, In a X -> In b X -> 0 <= (ln (π a) - ln (π b)) * (A a - A b)) ->
  derivable_pt_lim (along X π A) t (slope X π A t)
  /\ slope X π A t <= - t * var X (step X π A t) A
  /\ (forall a b, In a X -> In b X -> A a <> A b -> 0 < t -> slope X π A t < 0).
Proof.
  intros T X π A t filled full together.
  assert (dist := step_distribution X π A t filled full).
  assert (bound : slope X π A t <= - t * var X (step X π A t) A).
  { unfold slope. assert (h := association X _ (fun a => ln (π a)) A dist together). lra. }
  split; [apply along_derivative; assumption|]. split; [exact bound|].
  intros a b inA inB apart pos.
  assert (h := var_positive X _ A a b dist (step_positive X π A t full) inA inB apart). nra.
Qed.

(** ** Other directions *)

(** Label: prop-vanilla-pg.
    Part: whole.
    Covers: the whole statement.
    Narrower: nothing.
    Words: along the direction pi A of the logits entropy moves at the rate -Cov_pi(log pi, pi A). *)
Theorem vanilla_rate : forall {T : Type} (X : list T) (θ A : T -> R),
  X <> [] ->
  let π := softmax X θ in
  derivable_pt_lim (fun t => entropy X (softmax X (fun a => θ a + t * (π a * A a)))) 0
    (- cov X π (fun a => ln (π a)) (fun a => π a * A a)).
Proof.
  intros T X θ A filled π.
  assert (start : (fun a => θ a + 0 * (π a * A a)) = θ) by (extensionality a; ring).
  eapply derivative_value;
    [|apply (entropy_derivative_path X (fun t a => θ a + t * (π a * A a)) 0
        (fun a => π a * A a) filled); intros a _; apply derivative_line].
  rewrite start. reflexivity.
Qed.

(** Label: thm-clip-cov.
    Part: entropy.
    Covers: the two rates along the direction w A, w the share of each action that is kept.
    Words: with E_pi A = 0, c = ell A: dH/dt = -sum pi w c, dR/dt = sum pi w A^2 >= 0.
    Narrower: that dropping gradients turns the natural gradient into w A is not treated.
    Wider: any weights; the book's are 0 on M and 1 off it, or 1 - q on M. *)
Theorem clip_rates : forall {T : Type} (X : list T) (θ A w : T -> R),
  X <> [] -> mean X (softmax X θ) A = 0 -> (forall a, In a X -> 0 <= w a) ->
  let π := softmax X θ in
  let moved := fun t a => θ a + t * (w a * A a) in
  derivable_pt_lim (fun t => entropy X (softmax X (moved t))) 0
    (- (∑ a ∈ X, π a * w a * (centred_log X π a * A a)))
  /\ derivable_pt_lim (fun t => mean X (softmax X (moved t)) A) 0
    (∑ a ∈ X, π a * w a * A a ^ 2)
  /\ 0 <= ∑ a ∈ X, π a * w a * A a ^ 2.
Proof.
  intros T X θ A w filled centred nonneg π moved.
  assert (start : moved 0 = θ) by (extensionality a; unfold moved; ring).
  assert (moves : forall a, In a X -> derivable_pt_lim (fun t => moved t a) 0 (w a * A a)).
  { intros a _. apply derivative_line. }
  assert (total : sum X π = 1) by (apply softmax_total, filled).
  split; [|split].
  - eapply derivative_value; [|apply (entropy_derivative_path X moved 0 _ filled moves)].
    rewrite start. fold π. rewrite cov_centred by exact total. f_equal. apply sum_ext.
    intros a _. unfold centred_log, entropy, mean. ring.
  - eapply derivative_value; [|apply (mean_derivative X moved 0 _ A filled moves)].
    rewrite start. fold π. rewrite cov_centred by exact total. apply sum_ext.
    intros a _. fold π in centred. rewrite centred. ring.
  - apply sum_nonneg. intros a inside. apply Rmult_le_pos; [|apply pow2_ge_0].
    apply Rmult_le_pos; [|apply nonneg, inside].
    apply Rlt_le, softmax_positive, filled.
Qed.
