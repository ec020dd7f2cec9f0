(** * The derivative of entropy

    Along any differentiable path of logits, along every direction of a table of logits, and along
    the step of the natural policy gradient. *)

From Proofs Require Export Softmax.

(** ** Along any path *)

(** Label: thm-entropy-any-path.
    Part: path.
    Covers: the covariance identity without logits.
    Words: along any differentiable path of positive probabilities p_u that add up to 1, with
    velocity p' at time t, dH/dt = -Cov(log p, p'/p), where p'/p is the velocity of log p.
    Narrower: finitely many outcomes. *)
Theorem entropy_derivative_any_path : forall {T : Type} (X : list T) (p : R -> T -> R) (t : R)
  (p' : T -> R),
  positive X (p t) ->
  (forall u, sum X (p u) = 1) ->
  (forall a, In a X -> derivable_pt_lim (fun u => p u a) t (p' a)) ->
  derivable_pt_lim (fun u => entropy X (p u)) t
    (- cov X (p t) (fun a => ln (p t a)) (fun a => p' a / p t a)).
Proof.
  intros T X p t p' full total moves.
  assert (still : sum X p' = 0).
  { apply uniqueness_limite with (fun u => sum X (p u)) t.
    - apply derivative_sum. exact moves.
    - apply derivative_ext with (fun _ => 1).
      + intro u. symmetry. apply total.
      + apply derivable_pt_lim_const. }
  unfold entropy.
  apply (derivable_pt_lim_opp (fun u => ∑ a ∈ X, p u a * ln (p u a))).
  apply derivative_value with (∑ a ∈ X, (p' a * ln (p t a) + p' a)).
  - rewrite sum_plus, still, cov_sym, cov_centred by apply total.
    assert (centre : mean X (p t) (fun a => p' a / p t a) = 0).
    { rewrite <- still. apply sum_ext. intros a inside. field.
      apply Rgt_not_eq, full, inside. }
    rewrite centre, Rplus_0_r. apply sum_ext. intros a inside. field.
    apply Rgt_not_eq, full, inside.
  - apply (derivative_sum X (fun u a => p u a * ln (p u a))). intros a inside.
    apply derivative_value with (p' a * ln (p t a) + p t a * (/ p t a * p' a)).
    + field. apply Rgt_not_eq, full, inside.
    + apply (derivable_pt_lim_mult (fun u => p u a) (fun u => ln (p u a))).
      * apply moves, inside.
      * apply derivative_ln; [apply full, inside|apply moves, inside].
Qed.

(** Label: thm-covariance-identity.
    Covers: the identity along any differentiable path of logits (its path form).
    Words: dH/dt = -Cov_t(log pi_t, v), where v is the velocity of the logits.
    Wider: the book's statement is at one point along a straight line. *)
Theorem entropy_derivative_path : forall {T : Type} (X : list T) (θ : R -> T -> R) (t : R)
  (v : T -> R),
  X <> [] ->
  (forall a, In a X -> derivable_pt_lim (fun u => θ u a) t (v a)) ->
  derivable_pt_lim (fun u => entropy X (softmax X (θ u))) t
    (- cov X (softmax X (θ t)) (fun a => ln (softmax X (θ t) a)) v).
Proof.
  intros T X θ t v filled moves.
  assert (total : forall u, sum X (softmax X (θ u)) = 1) by (intro u; apply softmax_total, filled).
  eapply derivative_value;
    [|apply (entropy_derivative_any_path X (fun u => softmax X (θ u)) t
        (fun a => softmax X (θ t) a * (v a - mean X (softmax X (θ t)) v)))].
  - rewrite <- (cov_shift X (softmax X (θ t)) (fun a => ln (softmax X (θ t) a)) v
      0 (- mean X (softmax X (θ t)) v)) by apply total.
    f_equal. apply cov_ext; intros a inside; [ring|]. field.
    apply Rgt_not_eq, softmax_positive, filled.
  - intros a _. apply softmax_positive, filled.
  - exact total.
  - intros a inside. apply policy_derivative; assumption.
Qed.

(** ** In a table of logits *)

(** Label: thm-covariance-identity.
    Covers: the identity, as the derivative along a direction.
    Words: for every state s and every direction Δ of the table, the entropy of the policy in s
    moves at the rate -Cov_pi(log pi, Δ_s).
    Narrower: nothing. *)
Theorem covariance_identity : forall {S A : Type} (actions : list A) (θ Δ : S -> A -> R) (s : S),
  actions <> [] ->
  directional (fun table => entropy actions (softmax actions (table s))) θ Δ
    (- cov actions (softmax actions (θ s)) (fun a => ln (softmax actions (θ s) a)) (Δ s)).
Proof.
  intros S A actions θ Δ s filled. unfold directional.
  assert (start : (fun b => θ s b + 0 * Δ s b) = θ s) by (extensionality b; ring).
  eapply derivative_value;
    [|apply (entropy_derivative_path actions (fun t b => θ s b + t * Δ s b) 0 (Δ s) filled);
      intros a _; apply derivative_line].
  rewrite start. reflexivity.
Qed.

(** Label: thm-covariance-identity.
    Part: gauge.
    Covers: the gauge.
    Words: adding a number to all Δ(s, a) of a state leaves the covariance as it is.
    Narrower: nothing. *)
Theorem covariance_gauge : forall {A : Type} (actions : list A) (π Δ : A -> R) (c : R),
  sum actions π = 1 ->
  cov actions π (fun a => ln (π a)) (fun a => Δ a + c) = cov actions π (fun a => ln (π a)) Δ.
Proof.
  intros A actions π Δ c total.
  rewrite <- (cov_shift actions π (fun a => ln (π a)) Δ 0 c) by exact total.
  apply cov_ext; intros; ring.
Qed.

(** ell(a) = log pi(a) + H(pi), the centred log-probability *)
Definition centred_log {A : Type} (actions : list A) (π : A -> R) (a : A) : R :=
  ln (π a) + entropy actions π.

(** The score of (s, a) in the logit of (s', a'), the derivative of [log_derivative]. *)
Definition score {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s' : S) (a' : A) (s : S) (a : A) : R :=
  indicator eq_S s s' * (indicator eq_A a a' - softmax actions (θ s) a').

(** Label: lem-score-covariance.
    Part: formula.
    Covers: the formula for I.
    Words: E_pi[log pi(a|s) score(a)] = 1{s = s'} pi(a'|s) ell(a').
    Narrower: nothing. *)
Theorem score_covariance : forall {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s s' : S) (a' : A),
  NoDup actions -> In a' actions ->
  mean actions (softmax actions (θ s))
    (fun a => ln (softmax actions (θ s) a) * score eq_S eq_A actions θ s' a' s a)
  = indicator eq_S s s'
    * (softmax actions (θ s) a' * centred_log actions (softmax actions (θ s)) a').
Proof.
  intros S A eq_S eq_A actions θ s s' a' once inside. unfold mean, score, centred_log, entropy.
  set (π := softmax actions (θ s)).
  rewrite (sum_ext actions _ (fun a => indicator eq_S s s' *
    (π a * ln (π a) * indicator eq_A a a' - π a' * (π a * ln (π a))))) by (intros; ring).
  rewrite sum_scal, sum_minus, sum_scal.
  rewrite (sum_indicator eq_A actions (fun a => π a * ln (π a))) by assumption. ring.
Qed.

(** Label: lem-entropy-gradient.
    Part: whole.
    Covers: every component of the gradient.
    Words: the partial derivative of h(s) in the logit of (s', a') is -E_pi[log pi score].
    Narrower: nothing. *)
Theorem entropy_gradient : forall {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s s' : S) (a' : A),
  NoDup actions -> In a' actions ->
  directional (fun table => entropy actions (softmax actions (table s))) θ
    (unit_table eq_S eq_A s' a')
    (- mean actions (softmax actions (θ s))
        (fun a => ln (softmax actions (θ s) a) * score eq_S eq_A actions θ s' a' s a)).
Proof.
  intros S A eq_S eq_A actions θ s s' a' once inside.
  assert (filled : actions <> []) by (intro empty; subst actions; contradiction inside).
  assert (total := softmax_total actions (θ s) filled).
  eapply derivative_value;
    [|apply (covariance_identity actions θ (unit_table eq_S eq_A s' a') s filled)].
  f_equal. rewrite cov_sym, cov_centred by exact total.
  apply sum_ext. intros a inside'. unfold score, unit_table.
  rewrite mean_scal. unfold mean. rewrite sum_indicator by assumption. ring.
Qed.

(** Label: lem-score-covariance.
    Part: gradient.
    Covers: the last line.
    Words: the partial derivative of h(s) in the logit of (s', a') is -1{s = s'} pi(a'|s) ell(a').
    Narrower: nothing. *)
Theorem entropy_gradient_closed : forall {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s s' : S) (a' : A),
  NoDup actions -> In a' actions ->
  directional (fun table => entropy actions (softmax actions (table s))) θ
    (unit_table eq_S eq_A s' a')
    (- (indicator eq_S s s'
        * (softmax actions (θ s) a' * centred_log actions (softmax actions (θ s)) a'))).
Proof.
  intros S A eq_S eq_A actions θ s s' a' once inside.
  eapply derivative_value; [|apply entropy_gradient; assumption].
  rewrite score_covariance by assumption. reflexivity.
Qed.

(** Label: thm-covariance-identity.
    Part: identity.
    Covers: the identity, as the inner product of the gradient with the direction.
    Words: the partial derivatives of h(s), times Δ and summed over all states and actions, give
    -Cov_pi(log pi, Δ_s).
    Narrower: nothing. *)
Theorem covariance_identity_gradient : forall {S A : Type}
  (eq_S : forall x y : S, {x = y} + {x <> y}) (eq_A : forall x y : A, {x = y} + {x <> y})
  (states : list S) (actions : list A) (θ Δ : S -> A -> R) (s : S) (gradient : S -> A -> R),
  NoDup states -> NoDup actions -> In s states -> actions <> [] ->
  (forall s' a', In s' states -> In a' actions ->
    directional (fun table => entropy actions (softmax actions (table s))) θ
      (unit_table eq_S eq_A s' a') (gradient s' a')) ->
  ∑ s' ∈ states, ∑ a' ∈ actions, gradient s' a' * Δ s' a'
  = - cov actions (softmax actions (θ s)) (fun a => ln (softmax actions (θ s) a)) (Δ s).
Proof.
  intros S A eq_S eq_A states actions θ Δ s gradient onceS onceA insideS filled partials.
  assert (total := softmax_total actions (θ s) filled).
  set (π := softmax actions (θ s)) in *.
  assert (known : forall s' a', In s' states -> In a' actions ->
    gradient s' a' = - (indicator eq_S s s' * (π a' * centred_log actions π a'))).
  { intros s' a' inS inA. eapply uniqueness_limite; [apply partials; assumption|].
    apply entropy_gradient_closed; assumption. }
  rewrite (sum_ext states _ (fun s' =>
    (- (∑ a' ∈ actions, π a' * centred_log actions π a' * Δ s' a')) * indicator eq_S s' s)).
  2: { intros s' inS. rewrite <- sum_opp, <- sum_scal_r. apply sum_ext. intros a' inA.
    rewrite known by assumption. unfold indicator.
    destruct (eq_S s s') as [e|n], (eq_S s' s) as [e'|n']; try congruence; ring. }
  rewrite (sum_indicator eq_S states
    (fun s' => - (∑ a' ∈ actions, π a' * centred_log actions π a' * Δ s' a'))) by assumption.
  rewrite cov_centred by exact total. f_equal. apply sum_ext. intros a inA.
  unfold centred_log, entropy, mean. ring.
Qed.

(** ** Along the step pi_t = pi e^{tA} / E_pi e^{tA} *)

Lemma tilt_path_derivative : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  X <> [] -> positive X π ->
  derivable_pt_lim (fun u => entropy X (tilt X π (fun a => u * A a))) t
    (- cov X (tilt X π (fun a => t * A a)) (fun a => ln (tilt X π (fun b => t * A b) a)) A).
Proof.
  intros T X π A t filled full.
  assert (same : forall u a, In a X ->
    tilt X π (fun b => u * A b) a = softmax X (fun b => ln (π b) + u * A b) a).
  { intros u a inside. apply tilt_softmax; assumption. }
  apply derivative_ext with (fun u => entropy X (softmax X (fun b => ln (π b) + u * A b))).
  { intro u. apply entropy_ext. intros a inside. symmetry. apply same, inside. }
  eapply derivative_value;
    [|apply (entropy_derivative_path X (fun u b => ln (π b) + u * A b) t A filled);
      intros a _; apply derivative_line].
  unfold cov, mean. f_equal.
  rewrite (sum_ext X (fun a => softmax X (fun b => ln (π b) + t * A b) a * ln _)
    (fun a => tilt X π (fun b => t * A b) a * ln (tilt X π (fun b => t * A b) a)))
    by (intros a inside; rewrite same; auto).
  rewrite (sum_ext X (fun a => softmax X (fun b => ln (π b) + t * A b) a * A a)
    (fun a => tilt X π (fun b => t * A b) a * A a)) by (intros a inside; rewrite same; auto).
  apply sum_ext. intros a inside. rewrite same; auto.
Qed.

(** Label: thm-path-derivative.
    Part: derivative.
    Covers: both forms of the derivative.
    Words: along the step pi_t, dH/dt = -Cov_t(log pi_t, A) = -Cov_t(log pi, A) - t Var_t(A).
    Narrower: the integral over the step is [entropy_step_integral]. *)
Theorem path_derivative : forall {T : Type} (X : list T) (π A : T -> R) (t : R),
  X <> [] -> positive X π ->
  let π_t := tilt X π (fun a => t * A a) in
  derivable_pt_lim (fun u => entropy X (tilt X π (fun a => u * A a))) t
    (- cov X π_t (fun a => ln (π_t a)) A)
  /\ - cov X π_t (fun a => ln (π_t a)) A
     = - cov X π_t (fun a => ln (π a)) A - t * var X π_t A.
Proof.
  intros T X π A t filled full π_t. split; [apply tilt_path_derivative; assumption|].
  assert (total : sum X π_t = 1) by (apply tilt_total; assumption).
  rewrite (cov_ext X π_t (fun a => ln (π_t a))
    (fun a => ln (π a) + t * A a + - ln (mean X π (fun b => exp (t * A b)))) A
    (fun a => A a + 0)).
  - rewrite (cov_shift X π_t (fun a => ln (π a) + t * A a)) by exact total.
    rewrite cov_plus, cov_scal. unfold var. ring.
  - intros a inside. unfold π_t. rewrite ln_tilt by assumption. ring.
  - intros. ring.
Qed.
