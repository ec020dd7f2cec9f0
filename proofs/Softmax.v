(** * Softmax: probabilities and their derivatives *)

From Proofs Require Export Distributions.

(** ** Values *)

Lemma partition_pos : forall {T : Type} (X : list T) (x : T -> R),
  X <> [] -> 0 < ∑ b ∈ X, exp (x b).
Proof. intros T X x filled. apply sum_pos; [exact filled|]. intros. apply exp_pos. Qed.

Lemma softmax_positive : forall {T : Type} (X : list T) (x : T -> R) (a : T),
  X <> [] -> 0 < softmax X x a.
Proof.
  intros T X x a filled. apply Rdiv_lt_0_compat; [apply exp_pos|apply partition_pos, filled].
Qed.

Lemma softmax_total : forall {T : Type} (X : list T) (x : T -> R),
  X <> [] -> sum X (softmax X x) = 1.
Proof.
  intros T X x filled. unfold softmax, Rdiv. rewrite sum_scal_r.
  apply Rinv_r. apply Rgt_not_eq, partition_pos, filled.
Qed.

Lemma softmax_distribution : forall {T : Type} (X : list T) (x : T -> R),
  X <> [] -> distribution X (softmax X x).
Proof.
  intros T X x filled. split; [|apply softmax_total, filled].
  intros a _. apply Rlt_le, softmax_positive, filled.
Qed.

(** log softmax(x)_a = x_a - F(x) *)
Lemma ln_softmax : forall {T : Type} (X : list T) (x : T -> R) (a : T),
  X <> [] -> ln (softmax X x a) = x a - logsumexp X x.
Proof.
  intros T X x a filled. unfold softmax, logsumexp, Rdiv.
  rewrite ln_mult; [|apply exp_pos|apply Rinv_0_lt_compat, partition_pos, filled].
  rewrite ln_exp, ln_Rinv by (apply partition_pos, filled). ring.
Qed.

(** Label: lem-gauge.
    Part: whole.
    Covers: the whole statement, in one state.
    Words: two rows of logits give the same softmax policy if and only if they differ by a number.
    Narrower: one state; the book says it in every state at once. *)
Theorem gauge : forall {T : Type} (X : list T) (θ θ' : T -> R),
  X <> [] ->
  (forall a, In a X -> softmax X θ a = softmax X θ' a)
  <-> (exists c : R, forall a, In a X -> θ' a = θ a + c).
Proof.
  intros T X θ θ' filled. split.
  - intro same. exists (logsumexp X θ' - logsumexp X θ). intros a inside.
    assert (logs : ln (softmax X θ a) = ln (softmax X θ' a)) by (rewrite same; auto).
    rewrite !ln_softmax in logs by exact filled. lra.
  - intros [c shift] a inside. unfold softmax.
    rewrite (sum_ext X (fun b => exp (θ' b)) (fun b => exp (θ b) * exp c)).
    2: { intros b inside'. rewrite shift by exact inside'. apply exp_plus. }
    rewrite sum_scal_r, shift, exp_plus by exact inside.
    field. split; apply Rgt_not_eq; [apply exp_pos|apply partition_pos, filled].
Qed.

(** The multiplicative step in logits: pi e^x / E_pi e^x = softmax(log pi + x). *)
Lemma tilt_softmax : forall {T : Type} (X : list T) (π x : T -> R) (a : T),
  positive X π -> In a X -> tilt X π x a = softmax X (fun b => ln (π b) + x b) a.
Proof.
  intros T X π x a full inside. unfold tilt, softmax.
  assert (factor : forall b, In b X -> exp (ln (π b) + x b) = π b * exp (x b)).
  { intros b inside'. rewrite exp_plus, exp_ln by (apply full; exact inside'). reflexivity. }
  rewrite factor by exact inside. rewrite (sum_ext X _ _ factor). reflexivity.
Qed.

(** From logits, the step is a shift of the logits. *)
Lemma tilt_of_softmax : forall {T : Type} (X : list T) (θ x : T -> R) (a : T),
  X <> [] -> tilt X (softmax X θ) x a = softmax X (fun b => θ b + x b) a.
Proof.
  intros T X θ x a filled. unfold tilt, softmax.
  assert (pos := partition_pos X θ filled).
  assert (pos' := partition_pos X (fun b => θ b + x b) filled).
  assert (total : ∑ b ∈ X, exp (θ b) / (∑ c ∈ X, exp (θ c)) * exp (x b)
    = (∑ b ∈ X, exp (θ b + x b)) / (∑ c ∈ X, exp (θ c))).
  { unfold Rdiv. rewrite <- sum_scal_r. apply sum_ext. intros. rewrite exp_plus. ring. }
  rewrite total, exp_plus. field. split; apply Rgt_not_eq; assumption.
Qed.

Lemma tilt_ext : forall {T : Type} (X : list T) (π π' x x' : T -> R) (a : T),
  (forall b, In b X -> π b = π' b) -> (forall b, In b X -> x b = x' b) -> In a X ->
  tilt X π x a = tilt X π' x' a.
Proof.
  intros T X π π' x x' a same samex inside. unfold tilt.
  rewrite (sum_ext X (fun b => π b * exp (x b)) (fun b => π' b * exp (x' b))).
  - rewrite same, samex by exact inside. reflexivity.
  - intros b inside'. rewrite same, samex by exact inside'. reflexivity.
Qed.

Lemma tilt_partition_pos : forall {T : Type} (X : list T) (π x : T -> R),
  X <> [] -> positive X π -> 0 < ∑ b ∈ X, π b * exp (x b).
Proof.
  intros T X π x filled full. apply sum_pos; [exact filled|].
  intros b inside. apply Rmult_lt_0_compat; [apply full; exact inside|apply exp_pos].
Qed.

Lemma tilt_positive : forall {T : Type} (X : list T) (π x : T -> R),
  positive X π -> positive X (tilt X π x).
Proof.
  intros T X π x full a inside. rewrite tilt_softmax by assumption.
  apply softmax_positive. intro empty. subst X. contradiction inside.
Qed.

Lemma tilt_total : forall {T : Type} (X : list T) (π x : T -> R),
  X <> [] -> positive X π -> sum X (tilt X π x) = 1.
Proof.
  intros T X π x filled full. unfold tilt, Rdiv. rewrite sum_scal_r.
  apply Rinv_r, Rgt_not_eq, tilt_partition_pos; assumption.
Qed.

Lemma tilt_distribution : forall {T : Type} (X : list T) (π x : T -> R),
  X <> [] -> positive X π -> distribution X (tilt X π x).
Proof.
  intros T X π x filled full. split; [|apply tilt_total; assumption].
  intros a inside. apply Rlt_le, (tilt_positive X π x full a inside).
Qed.

(** log of the step: log pi'(a) = log pi(a) + x_a - log E_pi e^x *)
Lemma ln_tilt : forall {T : Type} (X : list T) (π x : T -> R) (a : T),
  positive X π -> In a X ->
  ln (tilt X π x a) = ln (π a) + x a - ln (mean X π (fun b => exp (x b))).
Proof.
  intros T X π x a full inside.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inside).
  rewrite tilt_softmax, ln_softmax by assumption. f_equal. unfold logsumexp, mean. f_equal.
  apply sum_ext. intros b inside'.
  rewrite exp_plus, exp_ln by (apply full; exact inside'). reflexivity.
Qed.

(** ** Derivatives along any path of logits

    [θ u] are the logits at time [u]; [v] is their velocity at time [t]. *)

Lemma logsumexp_derivative : forall {T : Type} (X : list T) (θ : R -> T -> R) (t : R) (v : T -> R),
  X <> [] ->
  (forall a, In a X -> derivable_pt_lim (fun u => θ u a) t (v a)) ->
  derivable_pt_lim (fun u => logsumexp X (θ u)) t (mean X (softmax X (θ t)) v).
Proof.
  intros T X θ t v filled moves. unfold logsumexp.
  apply derivative_value with
    (/ (∑ b ∈ X, exp (θ t b)) * (∑ b ∈ X, exp (θ t b) * v b)).
  - unfold mean, softmax. rewrite <- sum_scal. apply sum_ext. intros. unfold Rdiv. ring.
  - apply (derivative_ln (fun u => ∑ b ∈ X, exp (θ u b))).
    + apply partition_pos, filled.
    + apply (derivative_sum X (fun u b => exp (θ u b))). intros b inside.
      apply (derivative_exp (fun u => θ u b)). apply moves, inside.
Qed.

(** Label: eq-path-rules.
    Covers: its first rule.
    Words: along any differentiable path of logits, d/dt log pi_t(a) = v(a) - E_t v, where v is the
    velocity of the logits.
    Wider: the book's path is the straight line with v = A. *)
Theorem log_policy_derivative : forall {T : Type} (X : list T) (θ : R -> T -> R) (t : R)
  (v : T -> R) (a : T),
  In a X ->
  (forall b, In b X -> derivable_pt_lim (fun u => θ u b) t (v b)) ->
  derivable_pt_lim (fun u => ln (softmax X (θ u) a)) t (v a - mean X (softmax X (θ t)) v).
Proof.
  intros T X θ t v a inside moves.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inside).
  apply derivative_ext with (fun u => θ u a - logsumexp X (θ u)).
  - intro u. symmetry. apply ln_softmax, filled.
  - apply (derivable_pt_lim_minus (fun u => θ u a) (fun u => logsumexp X (θ u))).
    + apply moves, inside.
    + apply logsumexp_derivative; assumption.
Qed.

Theorem policy_derivative : forall {T : Type} (X : list T) (θ : R -> T -> R) (t : R)
  (v : T -> R) (a : T),
  In a X ->
  (forall b, In b X -> derivable_pt_lim (fun u => θ u b) t (v b)) ->
  derivable_pt_lim (fun u => softmax X (θ u) a) t
    (softmax X (θ t) a * (v a - mean X (softmax X (θ t)) v)).
Proof.
  intros T X θ t v a inside moves.
  assert (filled : X <> []) by (intro empty; subst X; contradiction inside).
  apply derivative_ext with (fun u => exp (ln (softmax X (θ u) a))).
  - intro u. apply exp_ln, softmax_positive, filled.
  - rewrite <- (exp_ln (softmax X (θ t) a)) at 1 by (apply softmax_positive, filled).
    apply (derivative_exp (fun u => ln (softmax X (θ u) a))).
    apply log_policy_derivative; assumption.
Qed.

(** Label: eq-path-rules.
    Covers: its second rule.
    Words: along any differentiable path of logits, d/dt E_t f = Cov_t(f, v) for a fixed function f.
    Wider: the book's path is the straight line with v = A. *)
Theorem mean_derivative : forall {T : Type} (X : list T) (θ : R -> T -> R) (t : R)
  (v f : T -> R),
  X <> [] ->
  (forall a, In a X -> derivable_pt_lim (fun u => θ u a) t (v a)) ->
  derivable_pt_lim (fun u => mean X (softmax X (θ u)) f) t (cov X (softmax X (θ t)) f v).
Proof.
  intros T X θ t v f filled moves. unfold mean at 1.
  apply derivative_value with
    (∑ a ∈ X, softmax X (θ t) a * (v a - mean X (softmax X (θ t)) v) * f a).
  - rewrite cov_sym, cov_centred by (apply softmax_total, filled).
    apply sum_ext. intros. ring.
  - apply (derivative_sum X (fun u a => softmax X (θ u) a * f a)). intros a inside.
    apply derivative_value with
      (softmax X (θ t) a * (v a - mean X (softmax X (θ t)) v) * f a + softmax X (θ t) a * 0);
      [ring|].
    apply (derivable_pt_lim_mult (fun u => softmax X (θ u) a) (fun _ => f a)).
    + apply policy_derivative; assumption.
    + apply derivable_pt_lim_const.
Qed.

(** ** Tables of logits over states and actions *)

(** The table that is 1 at (s', a') and 0 elsewhere. *)
Definition unit_table {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (s' : S) (a' : A) (s : S) (a : A) : R :=
  indicator eq_S s s' * indicator eq_A a a'.

(** [f] of the table moves at the rate [l] when the table moves along [Δ]. *)
Definition directional {S A : Type} (f : (S -> A -> R) -> R) (θ Δ : S -> A -> R) (l : R) : Prop :=
  derivable_pt_lim (fun t => f (fun s a => θ s a + t * Δ s a)) 0 l.

(** Label: lem-log-derivative.
    Part: formula.
    Covers: the formula.
    Words: the partial derivative of log pi(a|s) in the logit of (s', a') is
    1{s = s'} (1{a = a'} - pi(a'|s)); a partial derivative is one along a unit table.
    Narrower: nothing. *)
Theorem log_derivative : forall {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s s' : S) (a a' : A),
  NoDup actions -> In a actions -> In a' actions ->
  directional (fun table => ln (softmax actions (table s) a)) θ (unit_table eq_S eq_A s' a')
    (indicator eq_S s s' * (indicator eq_A a a' - softmax actions (θ s) a')).
Proof.
  intros S A eq_S eq_A actions θ s s' a a' once inside inside'. unfold directional.
  assert (start : softmax actions (fun b => θ s b + 0 * unit_table eq_S eq_A s' a' s b)
    = softmax actions (θ s)).
  { f_equal. extensionality b. ring. }
  eapply derivative_value;
    [|apply (log_policy_derivative actions
        (fun t b => θ s b + t * unit_table eq_S eq_A s' a' s b) 0
        (unit_table eq_S eq_A s' a' s) a inside);
      intros b _; apply derivative_line].
  rewrite start. unfold mean, unit_table.
  rewrite (sum_ext actions _ (fun b => indicator eq_S s s' *
    (softmax actions (θ s) b * indicator eq_A b a'))) by (intros; ring).
  rewrite sum_scal, sum_indicator by assumption. ring.
Qed.

(** Label: lem-log-derivative.
    Part: mean.
    Covers: the mean of the score.
    Words: the score has mean zero.
    Narrower: nothing. *)
Theorem score_mean : forall {S A : Type} (eq_S : forall x y : S, {x = y} + {x <> y})
  (eq_A : forall x y : A, {x = y} + {x <> y}) (actions : list A) (θ : S -> A -> R)
  (s s' : S) (a' : A),
  NoDup actions -> In a' actions ->
  mean actions (softmax actions (θ s))
    (fun a => indicator eq_S s s' * (indicator eq_A a a' - softmax actions (θ s) a')) = 0.
Proof.
  intros S A eq_S eq_A actions θ s s' a' once inside.
  assert (filled : actions <> []) by (intro empty; subst actions; contradiction inside).
  rewrite mean_scal, mean_minus, mean_const by (apply softmax_total, filled).
  unfold mean. rewrite sum_indicator by assumption. ring.
Qed.
