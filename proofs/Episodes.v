(** * Finite horizons: processes, visitations, the flow equations, the dual gap

    Stages are counted from 0 here and from 1 in the book: stage [h] of these files is its h + 1.
    The first state is drawn from any law [start]; the book's starts in one state. *)

From Proofs Require Export Gibbs.

Record process (State Action : Type) : Type := Process {
  states : list State;
  actions : list Action;
  start : State -> R;
  kernel : nat -> State -> Action -> State -> R
}.
Arguments states {State Action} _.
Arguments actions {State Action} _.
Arguments start {State Action} _.
Arguments kernel {State Action} _ _ _ _ _.

Definition pairs {State Action : Type} (M : process State Action) : list (State * Action) :=
  list_prod (states M) (actions M).

(** The kernel of a stage, as a map of pairs. *)
Definition next {State Action : Type} (M : process State Action) (h : nat)
  (sa : State * Action) : State -> R := kernel M h (fst sa) (snd sa).

Definition well_formed {State Action : Type} (M : process State Action) : Prop :=
  actions M <> []
  /\ distribution (states M) (start M)
  /\ forall h sa, In sa (pairs M) -> distribution (states M) (next M h sa).

(** A Markov policy: one law of the action for each stage and state. *)
Definition policy {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) : Prop :=
  forall h s, In s (states M) -> distribution (actions M) (π h s).

Definition positive_policy {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) : Prop :=
  forall h s, In s (states M) -> positive (actions M) (π h s).

(** The law of the state at stage [h], and of the pair of state and action. *)
Fixpoint state_law {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) : State -> R :=
  match h with
  | O => start M
  | S k => push (pairs M) (next M k) (joint (state_law M π k) (π k))
  end.

Definition visits {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat) : State * Action -> R :=
  joint (state_law M π h) (π h).

(** The entropy of visitation: sum over the stages h < H of H(d_h) *)
Definition visit_entropy {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) : R :=
  ∑ h ∈ seq 0 H, entropy (pairs M) (d h).

(** The visitation polytope K_p: not negative, and the flow equations. *)
Definition flow {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) : Prop :=
  (forall h sa, (h < H)%nat -> In sa (pairs M) -> 0 <= d h sa)
  /\ (forall s, (0 < H)%nat -> In s (states M) -> ∑ a ∈ actions M, d 0%nat (s, a) = start M s)
  /\ (forall h s, (S h < H)%nat -> In s (states M) ->
      ∑ a ∈ actions M, d (S h) (s, a) = push (pairs M) (next M h) (d h) s).

(** ** Elementary facts *)

Lemma in_seq_0 : forall h H : nat, In h (seq 0 H) -> (h < H)%nat.
Proof. intros h H inside. apply in_seq in inside. lia. Qed.

Lemma push_distribution : forall {T U : Type} (X : list T) (Y : list U) (K : T -> U -> R)
  (p : T -> R),
  distribution X p -> (forall x, In x X -> distribution Y (K x)) -> distribution Y (push X K p).
Proof.
  intros T U X Y K p [nonneg total] stochastic. split.
  - intros y inside. apply sum_nonneg. intros x inX.
    apply Rmult_le_pos; [apply nonneg, inX|apply (stochastic x inX), inside].
  - unfold push. rewrite sum_swap, <- total. apply sum_ext. intros x inX.
    rewrite sum_scal, (proj2 (stochastic x inX)). ring.
Qed.

(** E over the pushed law = E over x of E over y *)
Lemma push_mean : forall {T U : Type} (X : list T) (Y : list U) (K : T -> U -> R)
  (p : T -> R) (f : U -> R),
  mean Y (push X K p) f = mean X p (fun x => mean Y (K x) f).
Proof.
  intros T U X Y K p f. unfold mean, push.
  rewrite (sum_ext Y _ (fun y => ∑ x ∈ X, p x * (K x y * f y))).
  - rewrite sum_swap. apply sum_ext. intros x _. rewrite sum_scal. reflexivity.
  - intros y _. rewrite <- sum_scal_r. apply sum_ext. intros. ring.
Qed.

(** E over pairs = E over states of E over actions *)
Lemma joint_mean : forall {T U : Type} (X : list T) (Y : list U) (p : T -> R) (K : T -> U -> R)
  (f : T * U -> R),
  mean (list_prod X Y) (joint p K) f = mean X p (fun x => mean Y (K x) (fun y => f (x, y))).
Proof.
  intros T U X Y p K f. unfold mean. rewrite sum_pairs. apply sum_ext. intros x _.
  unfold joint. simpl. rewrite <- sum_scal. apply sum_ext. intros. ring.
Qed.

Lemma state_law_distribution : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M π -> distribution (states M) (state_law M π h).
Proof.
  intros State Action M π h [filled [begins moves]] pol. induction h as [|h IH]; simpl.
  - exact begins.
  - apply push_distribution; [|apply moves].
    apply joint_distribution; [exact IH|apply pol].
Qed.

Lemma visits_distribution : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (h : nat),
  well_formed M -> policy M π -> distribution (pairs M) (visits M π h).
Proof.
  intros State Action M π h well pol. apply joint_distribution.
  - apply state_law_distribution; assumption.
  - apply pol.
Qed.

(** One stage more. *)
Lemma sum_stages : forall (f : nat -> R) (H : nat),
  ∑ h ∈ seq 0 (S H), f h = (∑ h ∈ seq 0 H, f h) + f H.
Proof. intros f H. rewrite seq_S, sum_app. simpl. ring. Qed.

Lemma telescope : forall (g : nat -> R) (H : nat),
  ∑ h ∈ seq 0 H, (g (S h) - g h) = g H - g 0%nat.
Proof.
  intros g H. induction H as [|H IH]; [simpl; ring|].
  rewrite sum_stages, IH. ring.
Qed.

(** Label: thm-polytope-markov.
    Covers: the visitation of a Markov policy lies in the polytope.
    Words: the visitations of a Markov policy are not negative and obey the flow equations.
    Narrower: Markov policies; policies with memory are not treated here. *)
Theorem visits_flow : forall {State Action : Type} (M : process State Action)
  (π : nat -> State -> Action -> R) (H : nat),
  well_formed M -> policy M π -> flow M H (visits M π).
Proof.
  intros State Action M π H well pol.
  assert (marginal : forall h s, In s (states M) ->
    ∑ a ∈ actions M, visits M π h (s, a) = state_law M π h s).
  { intros h s inside. unfold visits, joint. simpl.
    rewrite sum_scal, (proj2 (pol h s inside)). ring. }
  split; [|split].
  - intros h sa _ inside. apply (visits_distribution M π h well pol), inside.
  - intros s _ inside. apply (marginal 0%nat s inside).
  - intros h s _ inside. apply (marginal (S h) s inside).
Qed.

(** The marginal of a flow, stage after stage; beyond the last stage it is pushed once more. *)
Definition flow_law {State Action : Type} (M : process State Action)
  (d : nat -> State * Action -> R) (h : nat) : State -> R :=
  match h with
  | O => start M
  | S k => push (pairs M) (next M k) (d k)
  end.

Lemma flow_marginal : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (h : nat) (s : State),
  flow M H d -> (h < H)%nat -> In s (states M) ->
  ∑ a ∈ actions M, d h (s, a) = flow_law M d h s.
Proof.
  intros State Action M H d h s [_ [first later]] stage inside.
  destruct h as [|h]; simpl; auto.
Qed.

Lemma flow_distribution : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (h : nat),
  well_formed M -> flow M H d -> (h < H)%nat -> distribution (pairs M) (d h).
Proof.
  intros State Action M H d h [filled [begins moves]] fl stage. split.
  { intros sa inside. apply fl; assumption. }
  assert (marginal : forall k, (k < H)%nat -> sum (pairs M) (d k) = sum (states M) (flow_law M d k)).
  { intros k stage'. unfold pairs. rewrite sum_pairs. apply sum_ext. intros s inside.
    apply (flow_marginal M H d k s fl stage' inside). }
  induction h as [|h IH]; rewrite marginal by exact stage; simpl.
  - apply begins.
  - unfold push. rewrite sum_swap, <- IH by lia. apply sum_ext. intros sa inside.
    rewrite sum_scal, (proj2 (moves h sa inside)). ring.
Qed.

(** What potentials earn along a flow telescopes: the sum over stages of
    E_{d_h}[V_h(s) - (p_h V_{h+1})(s, a)] is E V_0 at the start, if V ends at 0. *)
Lemma flow_telescope : forall {State Action : Type} (M : process State Action) (H : nat)
  (d : nat -> State * Action -> R) (V : nat -> State -> R),
  flow M H d -> (forall s, In s (states M) -> V H s = 0) ->
  ∑ h ∈ seq 0 H,
    mean (pairs M) (d h) (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h)))
  = mean (states M) (start M) (V 0%nat).
Proof.
  intros State Action M H d V fl ends.
  set (g := fun h => mean (states M) (flow_law M d h) (V h)).
  rewrite (sum_ext (seq 0 H) _ (fun h => - (g (S h) - g h))).
  - rewrite sum_opp, telescope.
    assert (last : g H = 0).
    { unfold g, mean. apply sum_zero. intros s inside. rewrite ends by exact inside. ring. }
    rewrite last. unfold g. simpl. ring.
  - intros h stage. apply in_seq_0 in stage. rewrite mean_minus.
    assert (now : mean (pairs M) (d h) (fun sa => V h (fst sa)) = g h).
    { unfold g, mean, pairs. rewrite sum_pairs. apply sum_ext. intros s inside. simpl.
      rewrite sum_scal_r, (flow_marginal M H d h s fl stage inside). reflexivity. }
    assert (later : g (S h)
      = mean (pairs M) (d h) (fun sa => mean (states M) (next M h sa) (V (S h)))).
    { unfold g. simpl. apply push_mean. }
    rewrite now, later. ring.
Qed.

(** ** The duality gap is a sum of divergences *)

(** x_h(s, a) = (p_h V_{h+1})(s, a) - V_h(s) *)
Definition dual_logit {State Action : Type} (M : process State Action) (V : nat -> State -> R)
  (h : nat) (sa : State * Action) : R :=
  mean (states M) (next M h sa) (V (S h)) - V h (fst sa).

(** D(V) = E V_1(s_1) + sum_h log sum_{s,a} e^{x_h(s,a)}, the inner sum over the pairs that [keep]
    admits at stage h: all, or those whose state is reachable. *)
Definition dual {State Action : Type} (M : process State Action) (H : nat)
  (keep : nat -> State * Action -> bool) (V : nat -> State -> R) : R :=
  mean (states M) (start M) (V 0%nat)
  + ∑ h ∈ seq 0 H, logsumexp (filter (keep h) (pairs M)) (dual_logit M V h).

Lemma sum_filter : forall {T : Type} (X : list T) (keep : T -> bool) (f : T -> R),
  (forall x, In x X -> keep x = false -> f x = 0) -> sum (filter keep X) f = sum X f.
Proof.
  intros T X keep f zero. induction X as [|x X IH]; simpl; [reflexivity|].
  assert (rest : sum (filter keep X) f = sum X f).
  { apply IH. intros y inside. apply zero. right. exact inside. }
  destruct (keep x) eqn:kept; simpl; rewrite rest; [reflexivity|].
  rewrite (zero x) by (try exact kept; left; reflexivity). ring.
Qed.

(** Label: thm-dual-gap.
    Covers: the whole statement.
    Words: for every V that ends at 0 and every d of the polytope, D(V) - H_visit(d) is the sum over
    the stages of KL(d_h || softmax x_h), and it is not negative; the sums run over any set of pairs
    outside which d has no mass, so over the reachable ones, or over all.
    Wider: any law of the first state, any horizon, any such set of pairs. *)
Theorem dual_gap : forall {State Action : Type} (M : process State Action) (H : nat)
  (keep : nat -> State * Action -> bool) (V : nat -> State -> R)
  (d : nat -> State * Action -> R),
  well_formed M -> flow M H d ->
  (forall s, In s (states M) -> V H s = 0) ->
  (forall h sa, In sa (pairs M) -> keep h sa = false -> d h sa = 0) ->
  let kept := fun h => filter (keep h) (pairs M) in
  dual M H keep V - visit_entropy M H d
  = ∑ h ∈ seq 0 H, kl (kept h) (d h) (softmax (kept h) (dual_logit M V h))
  /\ 0 <= dual M H keep V - visit_entropy M H d.
Proof.
  intros State Action M H keep V d well fl ends support kept.
  assert (dist : forall h, (h < H)%nat -> distribution (kept h) (d h)).
  { intros h stage. assert (all := flow_distribution M H d h well fl stage). split.
    - intros sa inside. apply filter_In in inside. apply all, inside.
    - unfold kept. rewrite sum_filter by (intros sa inside; apply support, inside). apply all. }
  assert (gap : dual M H keep V - visit_entropy M H d
    = ∑ h ∈ seq 0 H, kl (kept h) (d h) (softmax (kept h) (dual_logit M V h))).
  { rewrite (sum_ext (seq 0 H) (fun h => kl (kept h) (d h) _)
      (fun h => logsumexp (kept h) (dual_logit M V h) - entropy (pairs M) (d h)
        + mean (pairs M) (d h)
            (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h))))).
    - rewrite sum_plus, sum_minus, (flow_telescope M H d V fl ends).
      unfold dual, visit_entropy, kept. ring.
    - intros h stage. apply in_seq_0 in stage.
      assert (g := gibbs (kept h) (d h) (dual_logit M V h) (proj2 (dist h stage))).
      assert (same : entropy (kept h) (d h) = entropy (pairs M) (d h)).
      { unfold entropy, kept. rewrite sum_filter; [reflexivity|].
        intros sa inside out. rewrite (support h sa inside out). ring. }
      assert (earned : mean (kept h) (d h) (dual_logit M V h)
        = - mean (pairs M) (d h)
              (fun sa => V h (fst sa) - mean (states M) (next M h sa) (V (S h)))).
      { unfold mean at 1 2, kept. rewrite sum_filter.
        - rewrite <- sum_opp. apply sum_ext. intros. unfold dual_logit. ring.
        - intros sa inside out. rewrite (support h sa inside out). ring. }
      lra. }
  split; [exact gap|]. rewrite gap. apply sum_nonneg. intros h stage. apply in_seq_0 in stage.
  assert (filled := distribution_filled (kept h) (d h) (proj2 (dist h stage))).
  apply kl_nonneg; [apply dist, stage|apply softmax_distribution, filled|].
  apply softmax_dominates, filled.
Qed.

(** Label: eq-cross-entropy.
    Covers: the whole equation.
    Words: <d, log 1/d'> = H_visit(d) + KL(d || d'), all summed over the stages.
    Narrower: nothing. *)
Theorem cross_entropy_stages : forall {State Action : Type} (M : process State Action) (H : nat)
  (d d' : nat -> State * Action -> R),
  ∑ h ∈ seq 0 H, mean (pairs M) (d h) (fun sa => - ln (d' h sa))
  = visit_entropy M H d + ∑ h ∈ seq 0 H, kl (pairs M) (d h) (d' h).
Proof.
  intros State Action M H d d'. unfold visit_entropy. rewrite <- sum_plus.
  apply sum_ext. intros h _. apply cross_entropy.
Qed.
